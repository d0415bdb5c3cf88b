"""The packs that are installed."""

from collections import Counter

import pytest

from api.graphs import restore_pack, restore_packs
from comfy_graphs import bind, complete, installed_packs, load_pack
from comfy_graphs.manifest import MediaKind, ParameterType
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import UnknownGraph

PACKS = installed_packs()

MODEL_FREE = "restore_classic"
WITHOUT_MODELS = [name for name in PACKS if not load_pack(name).manifest.models]

CORE_NODES_OF_THE_SMALL_ENGINE = {
    "CreateVideo",
    "EmptyImage",
    "GetImageSize",
    "GetVideoComponents",
    "GrowMask",
    "ImageBatch",
    "ImageBlend",
    "ImageBlur",
    "ImageCompositeMasked",
    "ImageCrop",
    "ImageInvert",
    "ImageRGBToYUV",
    "ImageScale",
    "ImageScaleBy",
    "ImageScaleToTotalPixels",
    "ImageSharpen",
    "ImageToMask",
    "ImageYUVToRGB",
    "InvertMask",
    "LoadImage",
    "LoadVideo",
    "MaskComposite",
    "MaskToImage",
    "Morphology",
    "SaveImage",
    "SaveVideo",
    "ThresholdMask",
}

PURPOSES = {
    "animate": "animate",
    "animate_classic": "animate",
    "animate_hd": "upscale",
    "colorize": "restore",
    "generate": "generate",
    "restore": "restore",
    "restore_classic": "restore",
    "restore_faithful": "restore",
    "upscale_classic": "upscale",
    "upscale_hd": "upscale",
    "upscale_video_classic": "upscale",
}


def of_purpose(purpose: str) -> list[str]:
    return [name for name in PACKS if load_pack(name).manifest.purpose == purpose]


def test_every_command_is_offered_by_the_packs_made_for_it() -> None:
    assert {name: load_pack(name).manifest.purpose for name in PACKS} == PURPOSES


def test_only_packs_made_for_it_restore_a_photo() -> None:
    assert [pack.name for pack in restore_packs()] == of_purpose("restore")
    for name in ("animate_classic", "upscale_classic"):
        with pytest.raises(UnknownGraph):
            restore_pack(name)


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_takes_and_gives_what_its_purpose_says(name: str) -> None:
    manifest = load_pack(name).manifest
    gives_video = name.startswith("animate") or "video" in name
    kind = MediaKind.VIDEO if gives_video else MediaKind.IMAGE
    assert manifest.output.kind is kind
    assert manifest.output.content_type == ("video/mp4" if gives_video else "image/png")
    assert manifest.takes is (kind if manifest.purpose == "upscale" else MediaKind.IMAGE)
    assert manifest.gpu_class is (GpuClass.VIDEO if gives_video else GpuClass.IMAGE)
    assert load_pack(name).graph[manifest.photo.node]["class_type"] == (
        "LoadVideo" if manifest.takes is MediaKind.VIDEO else "LoadImage"
    )


def test_what_is_paid_for_is_offered_under_no_mode() -> None:
    assert {load_pack(name).manifest.modes for name in of_purpose("upscale")} == {()}


@pytest.mark.parametrize("name", ["", "nope", "..", "../comfy_graphs/restore", "__pycache__"])
def test_an_unknown_graph_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownGraph, match="restore, restore_classic"):
        load_pack(name)


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_binds_with_its_defaults_and_at_both_ends(name: str) -> None:
    pack = load_pack(name)
    for end in ("minimum", "maximum"):
        given = {p.name: getattr(p, end) for p in pack.manifest.parameters if p.is_numeric}
        integers = {p.name for p in pack.manifest.parameters if p.type is ParameterType.INTEGER}
        values = {n: int(v) if n in integers else v for n, v in given.items()}
        for parameters in ({}, values):
            complete_values = complete(pack, parameters, seed=1)
            bound = bind(pack, complete_values, photo="a.png", filename_prefix="out")
            copied = pack.manifest.sequence.prototypes if pack.manifest.sequence else ()
            unused = {pack.manifest.blank.node} if pack.manifest.blank else set()
            assert pack.graph.keys() - bound.graph.keys() == {*copied, *unused}
            assert bool(copied) == bool(bound.graph.keys() - pack.graph.keys())


@pytest.mark.parametrize("name", of_purpose("animate"))
def test_every_animation_takes_the_common_parameters(name: str) -> None:
    parameters = {p.name: p for p in load_pack(name).manifest.parameters}
    assert parameters.keys() == {"motion", "prompt", "seconds", "fps", "megapixels", "seed"}
    presets = {"push_in", "pull_out", "pan_left", "pan_right", "drift"}
    assert presets <= set(parameters["motion"].options)
    assert (parameters["prompt"].max_length, parameters["prompt"].default) == (500, "")
    assert parameters["fps"].default == 24
    assert parameters["seconds"].minimum == 2


@pytest.mark.parametrize("name", of_purpose("upscale"))
def test_every_enlargement_is_two_to_four_times_as_large(name: str) -> None:
    (scale,) = load_pack(name).manifest.parameters
    assert (scale.name, scale.minimum, scale.maximum, scale.default) == ("scale", 2, 4, 2)


@pytest.mark.parametrize(("seconds", "length"), [(2, 49), (3, 73), (4, 97), (5, 121)])
def test_the_length_of_a_clip_is_one_that_wan_can_make(seconds: int, length: int) -> None:
    pack = load_pack("animate")
    values = complete(pack, {"seconds": seconds}, seed=1)
    graph = bind(pack, values, photo="in.png", filename_prefix="out").graph
    made = graph["55"]["inputs"]["length"]
    assert (made, type(made)) == (length, int)


def test_words_of_the_person_reach_the_model_unchanged() -> None:
    pack = load_pack("animate")
    values = complete(pack, {"prompt": "She smiles; the tree's leaves {move}."}, seed=1)
    graph = bind(pack, values, photo="in.png", filename_prefix="out").graph
    assert graph["101"]["inputs"]["string_b"] == "She smiles; the tree's leaves {move}."


@pytest.mark.parametrize("name", of_purpose("restore"))
def test_every_restoration_takes_the_common_parameters_with_the_agreed_defaults(name: str) -> None:
    manifest = load_pack(name).manifest
    defaults = {p.name: p.default for p in manifest.parameters}
    assert (defaults["denoise"], defaults["megapixels"]) == (0.7, 1.0)
    assert defaults["seed"] is None  # drawn at random by the caller
    assert defaults["mode"] == "faithful"


@pytest.mark.parametrize("name", PACKS)
def test_every_default_is_itself_allowed(name: str) -> None:
    pack = load_pack(name)
    values = complete(pack, {}, seed=1)
    assert complete(pack, values, seed=1) == values


def test_modes_are_offered_by_one_pack_each() -> None:
    modes = Counter(mode for name in PACKS for mode in load_pack(name).manifest.modes)
    assert max(modes.values()) == 1


@pytest.mark.parametrize("name", PACKS)
def test_the_origin_label_follows_from_the_models(name: str) -> None:
    manifest = load_pack(name).manifest
    enhanced = manifest.digital_source_type == "algorithmicallyEnhanced"
    assert enhanced == (not manifest.models)
    assert (manifest.vram_gb == 0) == (not manifest.models)


@pytest.mark.parametrize("name", PACKS)
def test_no_pack_needs_a_model_of_unread_licence(name: str) -> None:
    assert load_pack(name).manifest.is_licensed


def test_restore_keeps_its_promised_bindings() -> None:
    pack = load_pack("restore")
    values = complete(pack, {"denoise": 0.4, "megapixels": 1.5, "seed": 5}, seed=1)
    graph = bind(pack, values, photo="in.png", filename_prefix="out").graph
    assert graph["78"] == {"class_type": "LoadImage", "inputs": {"image": "in.png"}}
    assert graph["93"]["class_type"] == "ImageScaleToTotalPixels"
    assert graph["93"]["inputs"]["megapixels"] == 1.5
    assert graph["3"]["class_type"] == "KSampler"
    assert (graph["3"]["inputs"]["denoise"], graph["3"]["inputs"]["seed"]) == (0.4, 5)
    assert graph["60"]["class_type"] == "SaveImage"
    assert pack.manifest.output.node == "60"


def test_restore_asks_for_colours_only_when_they_are_wanted() -> None:
    pack = load_pack("restore")

    def words(colorize: bool) -> str:
        values = complete(pack, {"colorize": colorize}, seed=1)
        graph = bind(pack, values, photo="in.png", filename_prefix="out").graph
        return str(graph["100"]["inputs"]["string_b"])

    assert "natural" in words(True)
    assert "do not colorize" in words(False)


@pytest.mark.parametrize("name", WITHOUT_MODELS)
def test_a_pack_without_models_stays_with_core_nodes_of_the_small_engine(name: str) -> None:
    graph = load_pack(name).graph
    assert {node["class_type"] for node in graph.values()} <= CORE_NODES_OF_THE_SMALL_ENGINE


@pytest.mark.parametrize("name", PACKS)
def test_no_node_is_idle(name: str) -> None:
    pack = load_pack(name)
    bound = bind(pack, complete(pack, {}, seed=1), photo="in.png", filename_prefix="out")
    used = {
        value[0]
        for node in bound.graph.values()
        for value in node["inputs"].values()
        if isinstance(value, list)
    }
    assert bound.graph.keys() - used == {"60"}


def test_restore_classic_leaves_the_photo_alone_at_denoise_zero() -> None:
    pack = load_pack(MODEL_FREE)
    values = complete(pack, {"denoise": 0}, seed=1)
    graph = bind(pack, values, photo="in.png", filename_prefix="out").graph
    assert graph["190"]["inputs"]["blend_factor"] == 0  # tone
    assert {graph[n]["inputs"]["value"] for n in ("491", "492", "493")} == {1}  # damage
    assert {graph[n]["inputs"]["blend_factor"] for n in ("691", "692")} == {0}  # grain
    assert graph["790"]["inputs"]["alpha"] == 0  # sharpening
    assert graph["780"]["inputs"]["blend_factor"] == 0  # contrast

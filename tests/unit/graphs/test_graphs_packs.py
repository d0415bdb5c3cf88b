"""The packs that are installed."""

from collections import Counter

import pytest

from comfy_graphs import bind, complete, installed_packs, load_pack
from comfy_graphs.manifest import ParameterType
from rekindle.errors import UnknownGraph

PACKS = installed_packs()

MODEL_FREE = "restore_classic"

CORE_NODES_OF_THE_SMALL_ENGINE = {
    "EmptyImage",
    "GrowMask",
    "ImageBlend",
    "ImageBlur",
    "ImageCompositeMasked",
    "ImageCrop",
    "ImageInvert",
    "ImageRGBToYUV",
    "ImageScale",
    "ImageScaleToTotalPixels",
    "ImageSharpen",
    "ImageToMask",
    "ImageYUVToRGB",
    "InvertMask",
    "LoadImage",
    "MaskComposite",
    "MaskToImage",
    "Morphology",
    "SaveImage",
    "ThresholdMask",
}


def test_both_restorations_are_installed() -> None:
    assert {"restore", "restore_classic"} <= set(PACKS)


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
            assert bound.graph.keys() == pack.graph.keys()


@pytest.mark.parametrize(
    "name", [name for name in PACKS if load_pack(name).manifest.purpose == "restore"]
)
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


def test_restore_classic_stays_with_core_nodes_and_leaves_none_idle() -> None:
    graph = load_pack(MODEL_FREE).graph
    assert {node["class_type"] for node in graph.values()} <= CORE_NODES_OF_THE_SMALL_ENGINE
    used = {
        value[0]
        for node in graph.values()
        for value in node["inputs"].values()
        if isinstance(value, list)
    }
    assert graph.keys() - used == {"60"}


def test_restore_classic_leaves_the_photo_alone_at_denoise_zero() -> None:
    pack = load_pack(MODEL_FREE)
    values = complete(pack, {"denoise": 0}, seed=1)
    graph = bind(pack, values, photo="in.png", filename_prefix="out").graph
    assert graph["190"]["inputs"]["blend_factor"] == 0  # tone
    assert {graph[n]["inputs"]["value"] for n in ("491", "492", "493")} == {1}  # damage
    assert {graph[n]["inputs"]["blend_factor"] for n in ("691", "692")} == {0}  # grain
    assert graph["790"]["inputs"]["alpha"] == 0  # sharpening
    assert graph["780"]["inputs"]["blend_factor"] == 0  # contrast

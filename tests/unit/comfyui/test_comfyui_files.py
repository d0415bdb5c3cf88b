"""Names of files: what a graph may read, where it writes, which models are there."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence
from PIL.PngImagePlugin import PngImageFile

from simulators.comfyui.folders import Folders, OutsideOutput
from simulators.comfyui.nodes.declare import Surroundings
from simulators.comfyui.nodes.registry import NodeCatalog
from simulators.comfyui.options import ModelFile, ModelsMode
from simulators.comfyui.shelf import ModelShelf, UnusableWeights


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path)
    made.prepare()
    return made


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def test_starting_empties_temp_and_leaves_the_rest(folders: Folders) -> None:
    kept = [folders.input / "a.png", folders.output / "b.png"]
    for path in (*kept, folders.temp / "c.png"):
        path.touch()
    folders.prepare()
    assert all(path.exists() for path in kept)
    assert list(folders.temp.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "input/a.png"),
        ("jobs/1/a.png", "input/jobs/1/a.png"),
        ("a.png [output]", "output/a.png"),
        ("a.png [temp]", "temp/a.png"),
        ("a.png [input]", "input/a.png"),
        ("/etc/hosts", "/etc/hosts"),
    ],
)
def test_loaded_name_becomes_a_path(folders: Folders, name: str, expected: str) -> None:
    assert folders.source_path(name) == str(folders.base / expected)


def test_counter_follows_the_highest_number_of_the_same_prefix(folders: Folders) -> None:
    for name in ("out_00007_.png", "out_00002_.mp4", "outer_00099_.png", "out_x_.png", "out.png"):
        (folders.output / name).touch()
    target = folders.save_target("out", folders.output)
    assert target.file_name("png") == "out_00008_.png"
    assert target.file_name("png", 2) == "out_00010_.png"


def test_prefix_makes_its_folders(folders: Folders) -> None:
    target = folders.save_target("jobs/1/try-2/out", folders.output)
    assert target.subfolder == "jobs/1/try-2"
    assert Path(target.folder) == folders.output / "jobs/1/try-2"
    assert Path(target.folder).is_dir()


def test_prefix_words_are_filled_in(folders: Folders) -> None:
    target = folders.save_target("%width%x%height%_%batch_num%", folders.output, 8, 6)
    assert target.file_name("png", 1) == "8x6_1_00002_.png"


@pytest.mark.parametrize("prefix", ["../out", "/tmp/out", "a/../../out", "../outputs/out"])  # noqa: S108
def test_prefix_cannot_leave_the_folder(folders: Folders, prefix: str) -> None:
    with pytest.raises(OutsideOutput, match="not allowed"):
        folders.save_target(prefix, folders.output)


def test_models_are_listed_with_subfolders_and_without_other_files(folders: Folders) -> None:
    shelf = ModelShelf(folders, ModelsMode.NONE)
    shelf.place([ModelFile("unet", "wan/high.safetensors"), ModelFile("loras", "a.pt")])
    (folders.models / "loras" / "notes.txt").touch()
    (folders.models / "unet").mkdir()
    (folders.models / "unet" / "old.gguf.pth").touch()
    assert shelf.names("diffusion_models") == ["old.gguf.pth", "wan/high.safetensors"]
    assert shelf.names("loras") == ["a.pt"]
    assert shelf.names("vae") == []


def test_placing_a_model_again_keeps_the_file(folders: Folders) -> None:
    shelf = ModelShelf(folders, ModelsMode.NONE)
    path = folders.models / "vae" / "v.safetensors"
    shelf.place([ModelFile("vae", "v.safetensors")])
    path.write_bytes(b"real weights")
    shelf.place([ModelFile("vae", "v.safetensors")])
    assert path.read_bytes() == b"real weights"


def test_only_card_modes_load_models(folders: Folders) -> None:
    ModelShelf(folders, ModelsMode.NONE).place([ModelFile("vae", "v.safetensors")])
    with pytest.raises(UnusableWeights):
        ModelShelf(folders, ModelsMode.NONE).load("vae", "v.safetensors")
    listed = ModelShelf(folders, ModelsMode.LISTED)
    assert listed.load("vae", "v.safetensors") == "v.safetensors"
    with pytest.raises(FileNotFoundError):
        listed.load("vae", "other.safetensors")
    assert ModelShelf(folders, ModelsMode.TEST_CARD).load("vae", "other") == "other"


def test_object_info_has_both_shapes_of_options(folders: Folders) -> None:
    (folders.input / "p.png").touch()
    (folders.input / "notes.txt").touch()
    catalog = NodeCatalog(Surroundings(folders, ModelShelf(folders, ModelsMode.NONE)))
    everything: dict[str, Any] = catalog.describe_all()
    crop = everything["ImageScale"]["input"]["required"]["crop"]
    assert crop == [["disabled", "center"]]
    codec = everything["SaveWEBM"]["input"]["required"]["codec"]
    assert codec == ["COMBO", {"multiselect": False, "options": ["vp9", "av1"]}]
    assert everything["LoadImage"]["input"]["required"]["image"][0] == ["p.png"]
    assert everything["VAELoader"]["input"]["required"]["vae_name"] == [["pixel_space"]]
    assert everything["SaveImage"]["input"]["hidden"] == {
        "prompt": "PROMPT",
        "extra_pnginfo": "EXTRA_PNGINFO",
    }
    assert everything["SaveVideo"]["input"]["hidden"]["prompt"] == ["PROMPT"]
    assert catalog.describe("Nope") == {}
    json.dumps(everything)


def picture(mode: str, color: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (4, 2), color).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.jpg", picture("L", 128, "JPEG"), (128, 128, 128)),
        ("a.png", picture("RGB", (255, 0, 51), "PNG"), (255, 0, 51)),
        ("a.webp", picture("RGB", (9, 9, 9), "WEBP", lossless=True), (9, 9, 9)),
        ("a.tiff", picture("RGB", (1, 2, 3), "TIFF"), (1, 2, 3)),
        ("b.tiff", picture("CMYK", (0, 255, 255, 0), "TIFF"), (255, 0, 0)),
        ("a.gif", picture("RGB", (255, 0, 0), "GIF"), (255, 0, 0)),
        ("1.png", picture("1", 1, "PNG"), (255, 255, 255)),
        # Pillow cuts 16 bits off at 255, and so does ComfyUI: anything but black is white.
        ("16.png", picture("I;16", 257 * 100, "PNG"), (255, 255, 255)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pictures_of_many_kinds_load(
    bench: Any, name: str, data: bytes, expected: tuple[int, int, int]
) -> None:
    (bench.engine.folders.input / name).write_bytes(data)
    graph = {
        "1": node("LoadImage", image=name),
        "2": node("SaveImage", images=["1", 0], filename_prefix="out"),
    }
    assert bench.run(graph)["status"]["status_str"] == "success"
    with Image.open(bench.engine.folders.output / "out_00001_.png") as saved:
        assert saved.getpixel((0, 0)) == pytest.approx(expected, abs=1)


def test_truncated_picture_loads_with_the_rest_filled_in(bench: Any) -> None:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    (bench.engine.folders.input / "cut.png").write_bytes(buffer.getvalue()[:6000])
    graph = {
        "1": node("LoadImage", image="cut.png"),
        "2": node("PreviewImage", images=["1", 0]),
    }
    (file,) = bench.run(graph)["outputs"]["2"]["images"]
    with Image.open(bench.engine.folders.temp / file["filename"]) as shown:
        loaded = np.asarray(shown)
    np.testing.assert_array_equal(loaded[:20], pixels[:20])
    assert (loaded[50:] == 0).all()


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"no picture at all"])
def test_what_is_no_picture_fails_while_running(bench: Any, data: bytes) -> None:
    (bench.engine.folders.input / "x.png").write_bytes(data)
    graph = {
        "1": node("LoadImage", image="x.png"),
        "2": node("PreviewImage", images=["1", 0]),
    }
    _, told = bench.last_message(bench.run(graph))
    assert told["exception_type"] == "PIL.UnidentifiedImageError"


def test_rotated_photo_loads_upright_and_an_animation_as_a_batch(bench: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture("RGB", "red", "JPEG", exif=exif)
    (bench.engine.folders.input / "turned.jpg").write_bytes(turned)
    frames = [Image.new("RGB", (5, 4), color) for color in ("red", "blue")]
    path = bench.engine.folders.input / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    graph: dict[str, Any] = {}
    for name in ("turned.jpg", "moving.gif"):
        graph[name] = node("LoadImage", image=name)
        graph[f"{name} size"] = node("GetImageSize", image=[name, 0])
        for slot in range(3):
            graph[f"{name} {slot}"] = node("PreviewAny", source=[f"{name} size", slot])
    outputs = bench.run(graph)["outputs"]
    sizes = {
        name: [outputs[f"{name} {slot}"]["text"] for slot in range(3)]
        for name in ("turned.jpg", "moving.gif")
    }
    assert sizes == {"turned.jpg": [["2"], ["4"], ["1"]], "moving.gif": [["5"], ["4"], ["2"]]}


def test_transparency_loads_as_a_mask(bench: Any) -> None:
    folder = bench.engine.folders.input
    (folder / "clear.png").write_bytes(picture("RGBA", (9, 9, 9, 0), "PNG"))
    graph = {
        "1": node("LoadImage", image="clear.png"),
        "2": node("MaskPreview", mask=["1", 1]),
        "3": node("LoadImageMask", image="clear.png", channel="alpha"),
        "4": node("MaskPreview", mask=["3", 0]),
    }
    outputs = bench.run(graph)["outputs"]
    for shown in ("2", "4"):
        (file,) = outputs[shown]["images"]
        assert file["type"] == "temp"
        with Image.open(bench.engine.folders.temp / file["filename"]) as mask:
            assert mask.getpixel((0, 0)) == (255, 255, 255)


def texts(saved: Image.Image) -> dict[str, str]:
    """Text chunks of a PNG."""
    assert isinstance(saved, PngImageFile)
    return saved.text


def test_saved_png_carries_the_graph_unless_metadata_is_off(
    make_bench: Callable[..., Any], two_nodes: Callable[..., Any]
) -> None:
    extra = {"extra_pnginfo": {"workflow": {"title": "mine"}}}
    for disabled, expected in ((False, {"prompt", "workflow"}), (True, set())):
        bench = make_bench(disable_metadata=disabled)
        entry = bench.run(two_nodes(), extra_data=dict(extra))
        (file,) = entry["outputs"]["2"]["images"]
        with Image.open(bench.engine.folders.output / file["filename"]) as saved:
            assert set(texts(saved)) == expected


def test_loading_leaves_the_content_hash_in_the_metadata(bench: Any) -> None:
    data = picture("RGB", "red", "PNG")
    (bench.engine.folders.input / "p.png").write_bytes(data)
    graph = {
        "1": node("LoadImage", image="p.png"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="out"),
    }
    bench.run(graph)
    with Image.open(bench.engine.folders.output / "out_00001_.png") as saved:
        told = json.loads(texts(saved)["prompt"])["1"]["is_changed"]
    assert told == [hashlib.sha256(data).hexdigest()]


@pytest.mark.parametrize(
    ("class_type", "name", "more"),
    [
        ("SaveAnimatedPNG", "out_00001_.png", {"compress_level": 4}),
        (
            "SaveAnimatedWEBP",
            "out_00001_.webp",
            {"lossless": True, "quality": 80, "method": "default"},
        ),
    ],
)
def test_batch_saves_as_one_animation(
    bench: Any, class_type: str, name: str, more: dict[str, Any]
) -> None:
    graph = {
        "1": node("EmptyImage", width=8, height=6, batch_size=1, color=0xFF0000),
        "2": node("EmptyImage", width=8, height=6, batch_size=1, color=0x0000FF),
        "3": node("ImageBatch", image1=["1", 0], image2=["2", 0]),
        "4": node(class_type, images=["3", 0], filename_prefix="out", fps=4.0, **more),
    }
    output = bench.run(graph)["outputs"]["4"]
    assert output == {
        "images": [{"filename": name, "subfolder": "", "type": "output"}],
        "animated": [True],
    }
    with Image.open(bench.engine.folders.output / name) as saved:
        frames = [frame.convert("RGB").getpixel((0, 0)) for frame in ImageSequence.Iterator(saved)]
        assert frames == [(255, 0, 0), (0, 0, 255)]
        assert saved.info["duration"] == 250

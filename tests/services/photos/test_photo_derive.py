"""What is shown of a master, through the real child."""

import hashlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from skimage.metrics import structural_similarity

from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.errors import PlatformError, ResultUnreadable


@pytest.fixture
def master(tmp_path: Path) -> Path:
    """A result of 1.4 megapixels."""
    path = tmp_path / "master.png"
    picture = Image.fromarray(astronaut())  # type: ignore[no-untyped-call]
    picture.resize((1365, 1024)).save(path, compress_level=1)
    return path


def _similarity(one: np.ndarray, other: np.ndarray) -> float:
    return float(structural_similarity(one, other))  # type: ignore[no-untyped-call]


async def test_preview_is_small_marked_and_recognizable(
    decoder: PillowPhotoDecoder, master: Path, into: Path
) -> None:
    made = await decoder.derive(master, into)

    assert (made.preview.width, made.preview.height) == (768, 576)
    with Image.open(made.preview.path) as preview, Image.open(master) as original:
        assert (preview.format, preview.mode, preview.size) == ("JPEG", "RGB", (768, 576))
        shown = np.asarray(preview.convert("L"))
        clean = np.asarray(original.resize(preview.size, Image.Resampling.LANCZOS).convert("L"))
    changed = np.abs(shown.astype(int) - clean.astype(int)) > 20
    assert 0.03 < changed.mean() < 0.3
    assert 0.6 < _similarity(shown, clean) < 0.95


async def test_thumbnail_is_the_result_without_a_mark(
    decoder: PillowPhotoDecoder, master: Path, into: Path
) -> None:
    made = await decoder.derive(master, into)

    assert (made.thumbnail.width, made.thumbnail.height) == (320, 240)
    with Image.open(made.thumbnail.path) as thumbnail, Image.open(master) as original:
        shown = np.asarray(thumbnail.convert("L"))
        clean = np.asarray(original.resize(thumbnail.size, Image.Resampling.LANCZOS).convert("L"))
    assert _similarity(shown, clean) > 0.95


async def test_record_of_the_master_and_of_the_files_is_true(
    decoder: PillowPhotoDecoder, master: Path, into: Path
) -> None:
    made = await decoder.derive(master, into)

    assert (made.master_width, made.master_height) == (1365, 1024)
    assert made.master_size_bytes == master.stat().st_size
    assert made.master_sha256 == hashlib.sha256(master.read_bytes()).hexdigest()
    assert sorted(path.name for path in into.iterdir()) == ["preview.jpg", "thumbnail.jpg"]
    for image in (made.preview, made.thumbnail):
        assert image.media_type == "image/jpeg"
        assert image.size_bytes == image.path.stat().st_size


async def test_the_same_master_gives_the_same_files(
    decoder: PillowPhotoDecoder, master: Path, into: Path
) -> None:
    runs = []
    for _ in range(2):
        made = await decoder.derive(master, into, digital_source_type="compositeSynthetic")
        runs.append([image.path.read_bytes() for image in (made.preview, made.thumbnail)])
    assert runs[0] == runs[1]


async def test_origin_label_can_be_read_back(
    decoder: PillowPhotoDecoder, master: Path, into: Path
) -> None:
    made = await decoder.derive(master, into, digital_source_type="trainedAlgorithmicMedia")
    for image in (made.preview, made.thumbnail):
        with Image.open(image.path) as picture:
            tree = ElementTree.fromstring(picture.info["xmp"])  # noqa: S314
        values = [value for element in tree.iter() for value in element.attrib.values()]
        address = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
        assert address in values


async def test_word_outside_the_vocabulary_is_no_fault_of_the_master(
    decoder: PillowPhotoDecoder, master: Path, into: Path
) -> None:
    with pytest.raises(PlatformError) as failed:
        await decoder.derive(master, into, digital_source_type='"/>')
    assert not isinstance(failed.value, ResultUnreadable)


@pytest.mark.parametrize(
    ("size", "preview", "thumbnail"),
    [
        ((100, 60), (100, 60), (100, 60)),
        ((768, 768), (768, 768), (320, 320)),
        ((500, 1000), (384, 768), (160, 320)),
        ((20_000, 3), (768, 1), (320, 1)),
        ((1, 1), (1, 1), (1, 1)),
    ],
)
async def test_nothing_is_enlarged_and_nothing_vanishes(
    corpus: Any,
    decoder: PillowPhotoDecoder,
    tmp_path: Path,
    into: Path,
    size: tuple[int, int],
    preview: tuple[int, int],
    thumbnail: tuple[int, int],
) -> None:
    master = tmp_path / "master.png"
    master.write_bytes(corpus.encoded(Image.new("RGB", size), "PNG"))
    made = await decoder.derive(master, into)
    assert (made.preview.width, made.preview.height) == preview
    assert (made.thumbnail.width, made.thumbnail.height) == thumbnail


@pytest.mark.parametrize("kind", ["RGBA", "L", "I;16", "P"])
async def test_master_of_another_mode_is_shown_too(
    corpus: Any, decoder: PillowPhotoDecoder, tmp_path: Path, into: Path, kind: str
) -> None:
    master = tmp_path / "master.png"
    picture = Image.new("I;16", (40, 30)) if kind == "I;16" else corpus.picture().convert(kind)
    master.write_bytes(corpus.encoded(picture, "PNG"))
    assert (await decoder.derive(master, into)).master_width == picture.width


@pytest.mark.parametrize("fault", ["empty", "cut off", "jpeg", "bomb", "animated", "text"])
async def test_master_that_is_no_complete_still_png_is_unreadable(
    corpus: Any, decoder: PillowPhotoDecoder, tmp_path: Path, into: Path, fault: str
) -> None:
    good = corpus.every_format()
    frames = [corpus.picture(8, 8, seed) for seed in range(2)]
    content = {
        "empty": b"",
        "cut off": good["png"][:-1],
        "jpeg": good["jpeg"],
        "bomb": corpus.png(9_000, 9_000, 1, 0),
        "animated": corpus.encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "text": b'{"error": "out of memory"}',
    }[fault]
    master = tmp_path / "master.png"
    master.write_bytes(content)
    with pytest.raises(ResultUnreadable):
        await decoder.derive(master, into)
    assert list(into.iterdir()) == []

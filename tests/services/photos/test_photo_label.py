"""The origin label of an HD picture that is delivered, through the real child."""

import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.errors import PlatformError, ResultUnreadable
from rekindle.ports.photos import PhotoLimits

ADDRESS = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "hd.png"


async def labelled(decoder: PillowPhotoDecoder, source: Path, into: Path) -> Path:
    made = await decoder.label(source, into, digital_source_type="algorithmicallyEnhanced")
    assert made.path == into / "labelled.png"
    assert made.media_type == "image/png"
    assert made.size_bytes == made.path.stat().st_size
    assert [path.name for path in into.iterdir()] == ["labelled.png"]
    with Image.open(made.path) as picture:
        assert picture.size == (made.width, made.height)
    return made.path


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
async def test_pixels_stay_and_the_label_can_be_read_back(
    corpus: Any, decoder: PillowPhotoDecoder, source: Path, into: Path, mode: str
) -> None:
    if mode == "I;16":
        picture = Image.fromarray(np.arange(96 * 64, dtype=np.uint16).reshape(64, 96))
    else:
        picture = corpus.picture().convert(mode)
    picture.save(source, "PNG")
    with Image.open(await labelled(decoder, source, into)) as after, Image.open(source) as before:
        assert after.mode == before.mode
        assert after.tobytes() == before.tobytes()
        assert after.getpalette() == before.getpalette()
        tree = ElementTree.fromstring(after.info["xmp"])  # noqa: S314
    assert ADDRESS in [value for element in tree.iter() for value in element.attrib.values()]


async def test_everything_but_the_pixels_is_left_out(
    corpus: Any, decoder: PillowPhotoDecoder, source: Path, into: Path
) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", '{"6": "canary"}')
    texts.add_itxt("XML:com.adobe.xmp", "canary")
    exif = Image.Exif()
    exif[0x010E] = "canary"
    corpus.picture().save(source, "PNG", pnginfo=texts, exif=exif, dpi=(300, 300))
    source.write_bytes(source.read_bytes() + b"canary after the end")

    path = await labelled(decoder, source, into)
    assert b"canary" not in path.read_bytes()
    with Image.open(path) as picture:
        picture.load()
        assert set(picture.info) == {"XML:com.adobe.xmp", "xmp"}


async def test_large_picture_needs_no_more_memory_than_a_small_one(
    corpus: Any, source: Path, into: Path
) -> None:
    # Nine times the pixels that may be uploaded: as RGB more than the child's whole memory.
    source.write_bytes(corpus.png(24_000, 24_000, 8, 0))
    decoder = PillowPhotoDecoder(PhotoLimits(timeout_seconds=200))
    made = await decoder.label(source, into, digital_source_type="algorithmicallyEnhanced")
    assert (made.width, made.height) == (24_000, 24_000)


async def test_limits_of_hd_are_four_times_a_masters_sides(
    corpus: Any, source: Path, into: Path
) -> None:
    decoder = PillowPhotoDecoder(PhotoLimits(max_pixels=600, max_side=30, timeout_seconds=120))
    for size, fits in (((120, 80), True), ((120, 81), False), ((121, 1), False)):
        Image.new("RGB", size).save(source, "PNG")
        if fits:
            await labelled(decoder, source, into)
            (into / "labelled.png").unlink()
        else:
            with pytest.raises(ResultUnreadable):
                await labelled(decoder, source, into)


def _png(corpus: Any, rows: bytes, *chunks: bytes, interlaced: int = 0, end: bool = True) -> bytes:
    """A grey picture of 8 x 4 pixels with such rows and further chunks."""
    header = bytes.fromhex("0000000800000004" + "080000") + bytes([0, interlaced])[:2]
    parts = [corpus.chunk(b"IHDR", header), *chunks, corpus.chunk(b"IDAT", rows)]
    parts += [corpus.chunk(b"IEND")] if end else []
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


ROWS = bytes(9 * 4)


@pytest.mark.parametrize(
    "fault",
    [
        "empty",
        "jpeg",
        "no end",
        "cut off",
        "wrong checksum",
        "too few rows",
        "too many rows",
        "unknown filter",
        "no zlib",
        "bytes after the rows",
        "animated",
        "interlaced",
        "unknown chunk",
        "two headers",
        "no header",
        "endless chunk",
        "no picture",
    ],
)
async def test_what_is_no_complete_still_png_is_unreadable(
    corpus: Any, decoder: PillowPhotoDecoder, source: Path, into: Path, fault: str
) -> None:
    good = _png(corpus, zlib.compress(ROWS))
    source.write_bytes(good)
    (await labelled(decoder, source, into)).unlink()
    header = good[8:33]
    source.write_bytes(
        {
            "empty": b"",
            "jpeg": corpus.every_format()["jpeg"],
            "no end": _png(corpus, zlib.compress(ROWS), end=False),
            "cut off": good[:-20],
            "wrong checksum": good[:-14] + b"x" + good[-13:],
            "too few rows": _png(corpus, zlib.compress(ROWS[9:])),
            "too many rows": _png(corpus, zlib.compress(ROWS + bytes(10_000_000))),
            "unknown filter": _png(corpus, zlib.compress(bytes(27) + b"\5" + bytes(8))),
            "no zlib": _png(corpus, ROWS),
            "bytes after the rows": _png(corpus, zlib.compress(ROWS) + b"<html>"),
            "animated": _png(corpus, zlib.compress(ROWS), corpus.chunk(b"acTL", bytes(8))),
            "interlaced": _png(corpus, zlib.compress(ROWS), interlaced=1),
            "unknown chunk": _png(corpus, zlib.compress(ROWS), corpus.chunk(b"HTML", b"<html>")),
            "two headers": good[:33] + header + good[33:],
            "no header": good[:8] + good[33:],
            "endless chunk": good[:33] + b"\xff\xff\xff\xffIDAT" + bytes(1000),
            "no picture": good[:33] + corpus.chunk(b"IEND"),
        }[fault]
    )
    with pytest.raises(ResultUnreadable):
        await decoder.label(source, into, digital_source_type="algorithmicallyEnhanced")
    assert list(into.iterdir()) == []


async def test_word_outside_the_vocabulary_is_no_fault_of_the_picture(
    corpus: Any, decoder: PillowPhotoDecoder, source: Path, into: Path
) -> None:
    corpus.picture().save(source, "PNG")
    with pytest.raises(PlatformError) as failed:
        await decoder.label(source, into, digital_source_type="")
    assert not isinstance(failed.value, ResultUnreadable)


def test_parent_stays_small_whatever_is_labelled(corpus: Any, source: Path, into: Path) -> None:
    source.write_bytes(corpus.png(12_000, 12_000, 8, 2))
    code = f"""
import asyncio, re
from pathlib import Path
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.ports.photos import PhotoLimits
decoder = PillowPhotoDecoder(PhotoLimits(timeout_seconds=200))
label = decoder.label(Path({str(source)!r}), Path({str(into)!r}), digital_source_type="x")
asyncio.run(label)
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 100 * 1024

"""Files that were never meant to be looked at."""

import struct
import zipfile
import zlib
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.errors import (
    AnimatedPhoto,
    DamagedPhoto,
    PhotoError,
    TooManyPixels,
    UnsupportedPhotoType,
)
from rekindle.ports.photos import IngestedPhoto, PhotoLimits

Ingest = Callable[[bytes], Awaitable[IngestedPhoto]]


IsCheap = Callable[[bytes, type[PhotoError]], Awaitable[bool]]


@pytest.fixture
def is_cheap(ingest: Ingest, processor_seconds: Callable[[], float]) -> IsCheap:
    """Whether refusing a file costs little more than a child that only begins, looks and ends."""

    async def cost(content: bytes, error: type[PhotoError]) -> float:
        """The least of some; CPU time and not a clock, so that a busy machine fails no test."""
        costs = []
        for _ in range(4):
            before = processor_seconds()
            with pytest.raises(error):
                await ingest(content)
            costs.append(processor_seconds() - before)
        return min(costs)

    async def is_cheap(content: bytes, error: type[PhotoError]) -> bool:
        return await cost(content, error) < 2 * await cost(b"x", UnsupportedPhotoType) + 0.15

    return is_cheap


def _with_jpeg_size(content: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame header (SOF0)."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("photo.jpg", b"\xff\xd8\xff")
    return file.getvalue()


@pytest.mark.parametrize("side", [20_000, 12_000, 9_000])
async def test_png_bomb_is_refused_by_its_header(corpus: Any, is_cheap: IsCheap, side: int) -> None:
    bomb = corpus.png(side, side, 1, 0)
    assert len(bomb) < 60_000
    assert await is_cheap(bomb, TooManyPixels)


@pytest.mark.parametrize("kind", ["jpeg", "webp", "heic"])
async def test_every_other_format_is_refused_by_its_header_too(
    corpus: Any, is_cheap: IsCheap, kind: str
) -> None:
    content = corpus.every_format()[kind]
    if kind == "jpeg":
        bomb = _with_jpeg_size(content, 65_000, 65_000)
    elif kind == "webp":
        # An extended header whose canvas is 16,384 x 16,384.
        canvas = bytes(4) + (16_383).to_bytes(3, "little") * 2
        chunks = b"VP8X" + struct.pack("<I", len(canvas)) + canvas + content[12:]
        bomb = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks
    else:
        at = content.index(b"ispe") + 8
        bomb = content[:at] + struct.pack(">II", 20_000, 20_000) + content[at + 8 :]

    assert await is_cheap(bomb, TooManyPixels)


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1)])
async def test_endless_strip_is_refused(corpus: Any, ingest: Ingest, size: tuple[int, int]) -> None:
    with pytest.raises(TooManyPixels, match="30,000 pixels"):
        await ingest(corpus.encoded(Image.new("L", size), "PNG"))


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><script>alert(1)</script>",
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"SIMPLE  =                    T",
        _zip(),
        b"x",
    ],
    ids=["html", "svg", "pdf", "eps", "fits", "zip", "one byte"],
)
async def test_what_is_no_picture_is_an_unsupported_type(ingest: Ingest, content: bytes) -> None:
    with pytest.raises(UnsupportedPhotoType):
        await ingest(content)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", "PPM", "ICO", "TGA", "AVIF", "JPEG2000"])
async def test_picture_of_another_format_is_an_unsupported_type(
    corpus: Any, ingest: Ingest, kind: str
) -> None:
    with pytest.raises(UnsupportedPhotoType):
        await ingest(corpus.encoded(corpus.picture(), kind))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
async def test_animation_is_refused(corpus: Any, ingest: Ingest, kind: str) -> None:
    frames = [corpus.picture(8, 8, seed) for seed in range(3)]
    content = corpus.encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedPhotoType if kind == "GIF" else AnimatedPhoto):
        await ingest(content)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_animation_of_ten_thousand_frames_costs_no_more_than_one_of_three(
    corpus: Any, is_cheap: IsCheap, kind: str
) -> None:
    black, white = (Image.new("RGB", (2, 2), level) for level in ("black", "white"))
    content = corpus.encoded(
        black, kind, save_all=True, append_images=[white, black] * 5_000, duration=10
    )
    assert await is_cheap(content, AnimatedPhoto)


@pytest.mark.parametrize("brand", [b"hevc", b"msf1"])
async def test_heic_sequence_is_refused(corpus: Any, ingest: Ingest, brand: bytes) -> None:
    content = corpus.every_format()["heic"]
    with pytest.raises(AnimatedPhoto):
        await ingest(content[:8] + brand + content[12:])


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "webp", "lossless", "heic"])
async def test_photo_cut_off_anywhere_is_damaged(
    corpus: Any, decoder: PillowPhotoDecoder, tmp_path: Path, into: Path, kind: str
) -> None:
    content = corpus.every_format()[kind]
    cuts = [len(content) - 1, len(content) - 2, len(content) - 12, len(content) // 2, 40]

    async def refusal(length: int) -> type[BaseException] | None:
        source = tmp_path / f"{kind}-{length}"
        source.write_bytes(content[:length])
        try:
            await decoder.ingest(source, into)
        except PhotoError as error:
            return type(error)
        return None

    assert [await refusal(length) for length in cuts] == [DamagedPhoto] * len(cuts)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("tail", [b"<html><script>canary</script>", _zip()], ids=["html", "zip"])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "heic"])
async def test_second_format_behind_the_picture_is_left_behind(
    corpus: Any, ingest: Ingest, kind: str, tail: bytes
) -> None:
    photo = await ingest(corpus.every_format()[kind] + tail)
    copy = photo.working.path.read_bytes()
    assert copy.endswith(b"IEND\xaeB`\x82")
    assert b"canary" not in copy
    assert b"PK\x03\x04" not in copy


async def test_compressed_profile_that_explodes_is_refused(corpus: Any, ingest: Ingest) -> None:
    profile = b"icc\0\0" + zlib.compress(bytes(20_000_000), 9)
    with pytest.raises(DamagedPhoto):
        await ingest(corpus.png(4, 4, 8, 2, corpus.chunk(b"iCCP", profile)))


async def test_jpeg_that_keeps_the_processor_busy_is_stopped(
    corpus: Any, tmp_path: Path, into: Path
) -> None:
    # A progressive JPEG may repeat its scans for ever; each costs a pass over all blocks.
    content = corpus.encoded(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    scan = content[start:-2]
    source = tmp_path / "scans"
    source.write_bytes(content[:-2] + scan * (20_000_000 // len(scan)) + content[-2:])

    decoder = PillowPhotoDecoder(PhotoLimits(timeout_seconds=8))
    with pytest.raises(DamagedPhoto):
        await decoder.ingest(source, into)
    assert list(into.iterdir()) == []


async def test_heic_that_is_larger_than_its_header_says_is_refused(
    corpus: Any, ingest: Ingest
) -> None:
    # The picture inside is 2,000 x 2,000; the container says 64 x 64.
    content = corpus.encoded(Image.new("RGB", (2000, 2000)), "HEIF", quality=10)
    at = content.index(b"ispe") + 8
    with pytest.raises(DamagedPhoto):
        await ingest(content[:at] + struct.pack(">II", 64, 64) + content[at + 8 :])

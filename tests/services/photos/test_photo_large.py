"""The largest photos that are accepted, and what they cost."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from PIL import Image
from skimage.data import astronaut

from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.errors import TooManyPixels
from rekindle.ports.photos import IngestedPhoto, PhotoLimits

Ingest = Callable[[bytes], Awaitable[IngestedPhoto]]


def _photo(width: int, height: int) -> Image.Image:
    return Image.fromarray(astronaut()).resize((width, height))  # type: ignore[no-untyped-call]


@pytest.mark.slow
async def test_sixty_megapixels_pass_inside_the_limits(
    corpus: Any, tmp_path: Path, into: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = corpus.encoded(_photo(9_000, 6_666), "JPEG", quality=85, exif=exif.tobytes())
    source = tmp_path / "upload"
    source.write_bytes(content)

    # A busy machine may take its time; the default is 30 s.
    photo = await PillowPhotoDecoder(PhotoLimits(timeout_seconds=100)).ingest(source, into)

    assert (photo.working.width, photo.working.height) == (6_666, 9_000)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_one_bit_and_transparent_giants_pass_inside_the_limits(
    corpus: Any, tmp_path: Path, into: Path, kind: str
) -> None:
    if kind == "PNG":
        content = corpus.png(7_900, 7_900, 1, 0)
    else:
        content = corpus.encoded(
            Image.new("RGBA", (7_900, 7_900), (9, 9, 9, 99)), kind, quality=1, method=0
        )
    source = tmp_path / "upload"
    source.write_bytes(content)
    photo = await PillowPhotoDecoder(PhotoLimits(timeout_seconds=100)).ingest(source, into)
    assert photo.working.width == 7_900


async def test_the_pixel_limit_is_exact(corpus: Any, tmp_path: Path, into: Path) -> None:
    decoder = PillowPhotoDecoder(PhotoLimits(max_pixels=64 * 63))
    source = tmp_path / "upload"
    for kind in ("JPEG", "PNG", "WEBP", "HEIF"):
        source.write_bytes(corpus.encoded(corpus.picture(64, 63), kind))
        assert (await decoder.ingest(source, into)).working.height == 63
        source.write_bytes(corpus.encoded(corpus.picture(64, 64), kind))
        with pytest.raises(TooManyPixels):
            await decoder.ingest(source, into)


def test_parent_stays_small_whatever_is_uploaded(corpus: Any, tmp_path: Path, into: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(corpus.encoded(corpus.picture(), "JPEG"))
    with large.open("wb") as file:
        file.write(corpus.encoded(_photo(4_000, 3_000), "JPEG"))
        file.truncate(50 * 1024 * 1024)  # a tail of zeros, which decoders ignore
    code = f"""
import asyncio, re
from pathlib import Path
from rekindle.adapters.pillow import PillowPhotoDecoder
async def main():
    decoder = PillowPhotoDecoder()
    for name in {str(small)!r}, {str(large)!r}:
        await decoder.ingest(Path(name), Path({str(into)!r}))
        # Not ru_maxrss, which a process inherits from the one that started it.
        print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
asyncio.run(main())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after_small, after_large = (int(kib) for kib in run.stdout.split())
    assert after_large - after_small < 2 * 1024
    assert after_large < 100 * 1024


def test_decoder_works_on_uvloop_too(corpus: Any, tmp_path: Path, into: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(corpus.encoded(corpus.picture(), "HEIF"))

    async def ingest() -> IngestedPhoto:
        return await PillowPhotoDecoder().ingest(source, into)

    assert uvloop.run(ingest()).working.width == 96

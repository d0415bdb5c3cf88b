"""Good photos of every kind, through the real child."""

import hashlib
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageStat

from rekindle.ports.photos import IngestedPhoto

Ingest = Callable[[bytes], Awaitable[IngestedPhoto]]


def _assert_same(working: Image.Image, expected: Image.Image, tolerance: float = 6) -> None:
    assert (working.mode, working.size) == ("RGB", expected.size)
    found, wanted = (np.asarray(i, dtype=float) for i in (working, expected))
    assert np.abs(found - wanted).mean() < tolerance


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "webp", "lossless", "heic"])
async def test_photo_of_every_format_becomes_a_plain_png(
    corpus: Any, ingest: Ingest, kind: str
) -> None:
    content = corpus.every_format()[kind]
    photo = await ingest(content)

    expected = {"progressive": "jpeg", "lossless": "webp"}.get(kind, kind)
    assert photo.format.value == expected
    assert photo.format.media_type == f"image/{expected}"
    assert photo.format.extension == {"jpeg": "jpg"}.get(expected, expected)
    assert (photo.original_width, photo.original_height) == (96, 64)
    assert photo.sha256 == hashlib.sha256(content).hexdigest()
    assert photo.size_bytes == len(content)
    assert photo.working.size_bytes == photo.working.path.stat().st_size
    with Image.open(photo.working.path, formats=["PNG"]) as working:
        assert working.info == {}
        _assert_same(working, corpus.picture())


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_orientation_is_applied_once(
    corpus: Any, ingest: Ingest, kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = corpus.picture()
    turn = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
    }
    upright = stored.transpose(turn[orientation]) if orientation in turn else stored

    # pillow_heif looks at bytes only; it then writes the turn into the picture, as phones do.
    photo = await ingest(corpus.encoded(stored, kind, exif=exif.tobytes()))

    assert (photo.working.width, photo.working.height) == upright.size
    if kind != "HEIF":
        assert (photo.original_width, photo.original_height) == stored.size
    with Image.open(photo.working.path) as working:
        _assert_same(working, upright)


async def test_exif_orientation_of_a_heic_is_not_applied(corpus: Any, ingest: Ingest) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = corpus.encoded(corpus.picture(), "HEIF", exif=exif)
    assert b"irot" not in content
    photo = await ingest(content)
    with Image.open(photo.working.path) as working:
        _assert_same(working, corpus.picture())


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
async def test_pictures_of_every_mode_keep_their_content(
    corpus: Any, ingest: Ingest, mode: str
) -> None:
    picture = corpus.picture().convert(mode)
    photo = await ingest(corpus.encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    with Image.open(photo.working.path) as working:
        _assert_same(working, picture.convert("RGB"))


async def test_sixteen_bit_grey_scan_keeps_its_tones(corpus: Any, ingest: Ingest) -> None:
    grey = np.asarray(corpus.picture().convert("L"))
    photo = await ingest(corpus.encoded(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"))
    with Image.open(photo.working.path) as working:
        _assert_same(working, Image.fromarray(grey).convert("RGB"), tolerance=0.5)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF"])
async def test_transparent_ground_becomes_white(corpus: Any, ingest: Ingest, kind: str) -> None:
    picture = corpus.picture()
    picture.putalpha(0)
    photo = await ingest(corpus.encoded(picture, kind))
    with Image.open(photo.working.path) as working:
        assert min(ImageStat.Stat(working).mean) > 253


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (2, 3)])
async def test_odd_sizes_are_photos_too(corpus: Any, ingest: Ingest, size: tuple[int, int]) -> None:
    photo = await ingest(corpus.encoded(Image.new("RGB", size, (9, 9, 9)), "PNG"))
    assert (photo.working.width, photo.working.height) == size


def _phone_photo(corpus: Any) -> bytes:
    """As phones write it: Exif first, then a second picture (depth, gain map) behind the first."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    second = corpus.picture(48, 32, seed=8)
    content: bytes = corpus.encoded(
        corpus.picture(), "MPO", save_all=True, append_images=[second], exif=exif
    )
    assert content.count(b"MPF\0") == 1
    return content


async def test_multi_picture_jpeg_gives_its_primary_picture(corpus: Any, ingest: Ingest) -> None:
    photo = await ingest(_phone_photo(corpus))
    assert photo.format.value == "jpeg"
    with Image.open(photo.working.path) as working:
        _assert_same(working, corpus.picture().transpose(Image.Transpose.ROTATE_270))


async def test_multi_picture_jpeg_that_lost_its_second_picture_passes(
    corpus: Any, ingest: Ingest
) -> None:
    content = _phone_photo(corpus)
    alone = content[: content.index(b"\xff\xd9\xff\xd8") + 2]
    photo = await ingest(alone)
    assert (photo.working.width, photo.working.height) == (64, 96)


@pytest.mark.parametrize("primary", [0, 1])
async def test_heic_with_several_pictures_gives_its_primary(
    corpus: Any, ingest: Ingest, primary: int
) -> None:
    pictures = [corpus.picture(), corpus.picture(128, 32, seed=9)]
    content = corpus.encoded(
        pictures[0], "HEIF", save_all=True, append_images=pictures[1:], primary_index=primary
    )
    photo = await ingest(content)
    with Image.open(photo.working.path) as working:
        _assert_same(working, pictures[primary])


async def test_heic_grid_of_tiles_is_put_together(corpus: Any, ingest: Ingest) -> None:
    picture = corpus.picture(700, 500)
    photo = await ingest(corpus.encoded(picture, "HEIF", tile_size=256, quality=90))
    with Image.open(photo.working.path) as working:
        _assert_same(working, picture)


async def test_png_with_an_animation_of_one_frame_is_a_still(corpus: Any, ingest: Ingest) -> None:
    control = corpus.chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = corpus.chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 4, 3, 0, 0, 1, 1, 0, 0))
    photo = await ingest(corpus.png(4, 3, 8, 2, control, frame))
    assert (photo.working.width, photo.working.height) == (4, 3)


async def test_jpeg_with_broken_exif_is_a_photo_all_the_same(corpus: Any, ingest: Ingest) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(20)
    photo = await ingest(corpus.encoded(corpus.picture(), "JPEG", exif=exif))
    assert (photo.working.width, photo.working.height) == (96, 64)


async def test_the_same_upload_gives_the_same_working_copy(
    corpus: Any, ingest: Ingest, into: Path
) -> None:
    content = corpus.every_format()["heic"]
    first = (await ingest(content)).working.path.read_bytes()
    second = (await ingest(content)).working.path.read_bytes()
    assert first == second
    assert [path.name for path in into.iterdir()] == ["working.png"]

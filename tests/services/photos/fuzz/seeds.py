"""Good and odd photos of every accepted format, made on the spot: what the mutations begin with."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

pillow_heif.register_heif_opener()

_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + b" " * 2_000 + b"</x:xmpmeta>"


def seeds() -> dict[str, bytes]:
    """Every seed by its name, always the same bytes from the same libraries."""
    return {**_jpegs(), **_pngs(), **_webps(), **_heics()}


def _picture(mode: str = "RGB", seed: int = 7, size: tuple[int, int] = (48, 32)) -> Image.Image:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (size[1], size[0], 4), dtype=np.uint8)
    pixels[: size[1] // 2] = (200, 40, 40, 128)
    return Image.fromarray(pixels, "RGBA").convert(mode)


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _exif(entries: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker" * 3_000 * entries
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _frames() -> list[Image.Image]:
    return [_picture(seed=number) for number in range(4)]


def _jpegs() -> dict[str, bytes]:
    plain = _picture()
    first, *rest = _frames()
    return {
        "jpeg": _saved(plain, "JPEG", quality=90),
        "jpeg progressive": _saved(plain, "JPEG", progressive=True, quality=90),
        "jpeg grey": _saved(plain.convert("L"), "JPEG"),
        "jpeg cmyk": _saved(plain.convert("CMYK"), "JPEG"),
        "jpeg restarts": _saved(plain, "JPEG", restart_marker_blocks=1, subsampling=2),
        "jpeg metadata": _saved(
            plain,
            "JPEG",
            exif=_exif(),
            icc_profile=_profile(),
            comment=b"c" * 60_000,
            xmp=_XMP,
        ),
        "jpeg multi-picture": _saved(first, "MPO", save_all=True, append_images=rest),
    }


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def _interlaced() -> bytes:
    """Adam7, which Pillow reads but does not write: an 8 x 8 grey picture in its seven passes."""
    passes = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)]
    rows = b"".join(b"\0" + bytes(range(width)) for width, height in passes for _ in range(height))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1)
    data = zlib.compress(rows)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND")


def _pngs() -> dict[str, bytes]:
    plain = _picture()
    first, *rest = _frames()
    deep = Image.fromarray(np.arange(32 * 48, dtype=np.uint16).reshape(32, 48) * 40)
    return {
        "png": _saved(plain, "PNG"),
        "png alpha": _saved(_picture("RGBA"), "PNG"),
        "png grey alpha": _saved(_picture("LA"), "PNG"),
        "png palette": _saved(plain.convert("P"), "PNG", transparency=3),
        "png bits": _saved(plain.convert("1"), "PNG"),
        "png deep": _saved(deep, "PNG"),
        "png interlaced": _interlaced(),
        "png metadata": _saved(plain, "PNG", exif=_exif(), icc_profile=_profile(), dpi=(300, 300)),
        "png animated": _saved(first, "PNG", save_all=True, append_images=rest, duration=50),
    }


def _webps() -> dict[str, bytes]:
    plain = _picture()
    first, *rest = _frames()
    return {
        "webp": _saved(plain, "WEBP", quality=80),
        "webp lossless": _saved(_picture("RGBA"), "WEBP", lossless=True),
        "webp alpha": _saved(_picture("RGBA"), "WEBP", quality=60),
        "webp metadata": _saved(plain, "WEBP", exif=_exif(), icc_profile=_profile(), xmp=_XMP),
        "webp animated": _saved(first, "WEBP", save_all=True, append_images=rest, duration=50),
    }


def _heics() -> dict[str, bytes]:
    plain = _picture(size=(64, 64))
    first, *rest = (_picture(seed=number, size=(64, 64)) for number in range(3))
    return {
        "heic": _saved(plain, "HEIF", quality=80),
        "heic alpha": _saved(_picture("RGBA", size=(64, 64)), "HEIF", quality=60),
        "heic grey": _saved(plain.convert("L"), "HEIF", quality=60),
        "heic metadata": _saved(plain, "HEIF", exif=_exif(), icc_profile=_profile(), xmp=_XMP),
        "heic several": _saved(first, "HEIF", save_all=True, append_images=rest, quality=50),
    }

"""The orientation a camera noted, applied to the pixels."""

from __future__ import annotations

from PIL import ExifTags, Image

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(picture: Image.Image) -> Image.Image:
    """The picture as it was meant to be seen.

    A HEIC carries its orientation in the picture itself and libheif has applied it; its Exif
    orientation is to be ignored (ISO/IEC 23008-12), or phones' photos would be turned twice.
    """
    if picture.format == "HEIF":
        return picture
    transposition = _TRANSPOSITIONS.get(_orientation(picture))
    return picture if transposition is None else picture.transpose(transposition)


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        # A broken Exif block says nothing about the pixels.
        return 1

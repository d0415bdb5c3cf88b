"""Any mode and colour space that a photo can have, as 8-bit RGB in sRGB."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageCms

_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def eight_bit(picture: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey; Pillow would clip it (16-bit colour it reads as 8-bit)."""
    if not picture.mode.startswith("I;16"):
        return picture
    high_byte = 0 if picture.mode.endswith("B") else 1
    grey = Image.frombytes("L", picture.size, picture.tobytes()[high_byte::2])
    if "transparency" in picture.info:
        grey.info["transparency"] = picture.info["transparency"] >> 8
    return grey


def opaque(picture: Image.Image) -> Image.Image:
    """Transparency laid on white, whether it is a channel, a palette or a key colour."""
    if not picture.has_transparency_data:
        return picture
    if picture.mode in {"1", "L", "LA"}:
        paper, veil = Image.new("L", picture.size, 255), picture.convert("LA")
        paper.paste(veil.getchannel("L"), mask=veil.getchannel("A"))
    else:
        paper = Image.new("RGB", picture.size, (255, 255, 255))
        veil = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        paper.paste(veil, mask=veil)
    return paper


def srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """An opaque 8-bit picture as RGB in sRGB.

    Without a profile, or with one that does not fit, the numbers are taken for sRGB, as browsers
    do.

    Args:
        picture: in any mode without transparency; may be changed in place.
        profile: the embedded ICC profile.
    """
    if picture.mode not in {"L", "RGB", "CMYK"}:
        picture = picture.convert("RGB")
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            picture = _converted(picture, ImageCms.ImageCmsProfile(BytesIO(profile)))
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _converted(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    mode = _MODE_OF_SPACE.get(profile.profile.xcolor_space.strip())
    if mode == "RGB" and picture.mode == "L":
        picture = picture.convert("RGB")
    if mode != picture.mode:
        return picture
    converted = ImageCms.profileToProfile(
        picture,
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        inPlace=mode == "RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return converted or picture  # None when it was done in place

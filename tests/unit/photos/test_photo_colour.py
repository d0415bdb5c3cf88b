import struct

import numpy as np
import pytest
from PIL import Image

from rekindle.adapters.confined.child.photo.colour import eight_bit, opaque, srgb

# Colorants relative to D50, as in the profiles of phones (Display P3) and in sRGB's own.
P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
D50 = (0.9642, 1.0, 0.8249)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A minimal ICC 2.4 display profile (ICC.1:2001-04, sections 6.1 and 6.3)."""
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = bytes(4) + b"none" + bytes.fromhex("02400000") + b"mntr" + space + b"XYZ "
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*D50)
    header += bytes(128 - len(header))
    whole = header + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*values)


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


def _rgb_profile(colorants: np.ndarray, gamma: float) -> bytes:
    columns = [_xyz(tuple(colorants[:, i])) for i in range(3)]
    curve = _gamma(gamma)
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"wtpt")
    return _profile(
        b"RGB ", dict(zip(names, (*columns, curve, curve, curve, _xyz(D50)), strict=True))
    )


GREY_LINEAR = _profile(b"GRAY", {b"kTRC": _gamma(1.0), b"wtpt": _xyz(D50)})


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return curve * 255


def _pixel(picture: Image.Image, place: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    value = picture.getpixel(place)
    assert isinstance(value, tuple)
    return value


@pytest.mark.parametrize(
    "colour", [(200, 100, 50), (40, 160, 90), (120, 120, 120), (255, 255, 255)]
)
def test_wide_gamut_colours_become_the_same_colours_in_srgb(colour: tuple[int, int, int]) -> None:
    linear = (np.array(colour) / 255) ** 2.2
    expected = _encoded(np.linalg.solve(SRGB, P3 @ linear))

    converted = srgb(Image.new("RGB", (4, 4), colour), _rgb_profile(P3, 2.2))

    assert np.allclose(_pixel(converted), expected, atol=2.5)


def test_grey_profile_is_applied_to_a_grey_picture() -> None:
    converted = srgb(Image.new("L", (4, 4), 128), GREY_LINEAR)
    assert np.allclose(_pixel(converted), _encoded(np.array([128 / 255] * 3)), atol=2)


def test_rgb_profile_is_applied_to_a_grey_picture() -> None:
    converted = srgb(Image.new("L", (4, 4), 128), _rgb_profile(SRGB, 1.0))
    assert np.allclose(_pixel(converted), _encoded(np.array([128 / 255] * 3)), atol=2)


@pytest.mark.parametrize(
    "profile",
    [
        b"not a profile",
        bytes(128),
        GREY_LINEAR,
        _rgb_profile(P3, 2.2)[:150],
        _profile(b"CMYK", {b"wtpt": _xyz(D50)}),
        _profile(b"RGB ", {}),
    ],
    ids=["text", "zeros", "grey", "cut off", "cmyk", "without tags"],
)
def test_profile_that_does_not_fit_leaves_the_numbers_alone(profile: bytes) -> None:
    picture = srgb(Image.new("RGB", (4, 4), (10, 200, 30)), profile)
    assert picture.mode == "RGB"
    assert _pixel(picture) == (10, 200, 30)


def test_cmyk_becomes_rgb() -> None:
    assert _pixel(srgb(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), None)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB", "F", "I"])
def test_every_opaque_mode_becomes_rgb(mode: str) -> None:
    picture = srgb(opaque(eight_bit(Image.new(mode, (3, 2)))), None)
    assert (picture.mode, picture.size) == ("RGB", (3, 2))


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bit_grey_keeps_its_tones(mode: str) -> None:
    tones = [0, 255, 256, 32768, 65535]
    picture = Image.new(mode, (len(tones), 1))
    for x, tone in enumerate(tones):
        picture.putpixel((x, 0), tone)
    assert np.asarray(eight_bit(picture)).tolist() == [[0, 0, 1, 128, 255]]


def test_key_colour_of_sixteen_bit_grey_is_laid_on_white() -> None:
    picture = Image.new("I;16", (1, 1), 0x1234)
    picture.info["transparency"] = 0x1234
    assert opaque(eight_bit(picture)).getpixel((0, 0)) == 255


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.new("RGBA", (1, 1), (255, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (1, 1), (255, 0, 0, 255)), (255, 0, 0)),
        (Image.new("RGBA", (1, 1), (0, 0, 0, 51)), (204, 204, 204)),
        (Image.new("LA", (1, 1), (0, 51)), (204, 204, 204)),
        (Image.new("LA", (1, 1), (100, 255)), (100, 100, 100)),
        (Image.new("PA", (1, 1), (0, 0)), (255, 255, 255)),
    ],
)
def test_transparency_is_laid_on_white(picture: Image.Image, expected: tuple[int, ...]) -> None:
    assert _pixel(srgb(opaque(picture), None)) == expected


@pytest.mark.parametrize(("mode", "key"), [("RGB", (9, 9, 9)), ("L", 9), ("1", 255), ("P", 0)])
def test_a_key_colour_is_transparent_too(mode: str, key: int | tuple[int, ...]) -> None:
    picture = Image.new(mode, (1, 1), key)
    picture.info["transparency"] = key
    assert _pixel(srgb(opaque(picture), None)) == (255, 255, 255)


def test_palette_with_transparent_entries_is_laid_on_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 0, 0, 0])
    picture.putpixel((1, 0), 1)
    picture.info["transparency"] = bytes([255, 128])
    flat = srgb(opaque(picture), None)
    assert _pixel(flat) == (10, 20, 30)
    assert _pixel(flat, (1, 0)) == (127, 127, 127)

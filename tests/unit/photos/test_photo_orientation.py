import numpy as np
import pytest
from PIL import Image

from rekindle.adapters.confined.child.photo.orientation import upright

F = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]], dtype=np.uint8) * 255
"""A letter F: no turn or mirror image of it equals another."""

# How a camera stores the upright F under each Exif orientation (Exif 2.32, tag 0x0112).
STORED = {
    1: F,
    2: np.fliplr(F),
    3: np.rot90(F, 2),
    4: np.flipud(F),
    5: F.T,
    6: np.rot90(F),
    7: np.rot90(F, 2).T,
    8: np.rot90(F, -1),
}


def _stored(orientation: int, pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.getexif()[0x0112] = orientation
    return picture


@pytest.mark.parametrize("orientation", STORED)
def test_every_exif_orientation_is_turned_upright(orientation: int) -> None:
    turned = upright(_stored(orientation, STORED[orientation]))
    assert np.array_equal(np.asarray(turned), F)


@pytest.mark.parametrize("nonsense", [0, 9, 65535])
def test_an_orientation_outside_the_standard_changes_nothing(nonsense: int) -> None:
    assert np.array_equal(np.asarray(upright(_stored(nonsense, F))), F)


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\0" * 40])
def test_a_broken_exif_block_changes_nothing(exif: bytes) -> None:
    picture = Image.fromarray(F)
    picture.info["exif"] = exif
    assert np.array_equal(np.asarray(upright(picture)), F)

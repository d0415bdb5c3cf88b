"""Pictures are compared at the original's size, and shown side by side."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deploy.demo.picture import before_after, psnr


def plain(value: int, height: int = 40, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_the_same_picture_is_infinitely_near() -> None:
    assert psnr(plain(9), plain(9)) == float("inf")


def test_a_known_difference_has_its_known_ratio() -> None:
    assert psnr(plain(100), plain(110)) == pytest.approx(20 * np.log10(25.5))


def test_a_larger_picture_is_averaged_to_the_originals_size() -> None:
    fine = np.tile(np.array([[[90] * 3, [110] * 3]], np.uint8), (80, 60, 1))
    assert fine.shape == (80, 120, 3)
    assert psnr(fine, plain(100)) == float("inf")


def test_a_smaller_picture_is_brought_to_the_originals_size() -> None:
    assert psnr(plain(100, 20, 30), plain(100)) == float("inf")


@pytest.mark.parametrize("name", ["shown.png", "shown.jpg"])
def test_three_pictures_of_any_size_stand_side_by_side(tmp_path: Path, name: str) -> None:
    aged, restored, original = plain(200, 40, 60), plain(20, 80, 120), plain(120, 40, 60)
    before_after(aged, restored, original, tmp_path / name)
    with Image.open(tmp_path / name) as sheet:
        shown = np.asarray(sheet.convert("RGB")).astype(int)
    middle = shown[56 + 40]
    widths = {v: int((np.abs(middle - v).max(axis=1) < 8).sum()) for v in (200, 20, 120)}
    assert all(abs(width - 120) <= 8 for width in widths.values())
    assert (shown[:56].min(axis=2) < 100).any()  # the labels

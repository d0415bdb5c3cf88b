import numpy as np
import pytest
from PIL import Image, ImageStat

from rekindle.adapters.confined.child.watermark import watermarked


def _difference(before: Image.Image, after: Image.Image) -> np.ndarray:
    change: np.ndarray = np.abs(np.asarray(after, dtype=int) - np.asarray(before, dtype=int))
    return np.asarray(change.max(axis=2))


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
def test_mark_shows_on_every_ground(level: int) -> None:
    ground = Image.new("RGB", (768, 512), (level,) * 3)
    marked = _difference(ground, watermarked(ground)) >= 24
    assert 0.02 < marked.mean() < 0.25


@pytest.mark.parametrize("size", [(768, 576), (512, 768), (768, 260)])
def test_no_third_of_the_picture_is_free_of_the_mark(size: tuple[int, int]) -> None:
    ground = Image.new("RGB", size, (128, 128, 128))
    marked = _difference(ground, watermarked(ground)) > 24
    for rows in np.array_split(marked, 3, axis=0):
        for tile in np.array_split(rows, 3, axis=1):
            assert tile.mean() > 0.01


def test_the_picture_stays_visible_under_the_mark() -> None:
    ramp = Image.linear_gradient("L").resize((768, 512)).convert("RGB")
    marked = watermarked(ramp)
    assert _difference(ramp, marked).mean() < 12
    assert abs(ImageStat.Stat(marked).mean[0] - ImageStat.Stat(ramp).mean[0]) < 4


def test_the_same_picture_gets_the_same_mark_and_another_one_another_place() -> None:
    grounds = [Image.new("RGB", (400, 300), (128, 128, level)) for level in (128, 129)]
    once, again, other = (watermarked(g) for g in (grounds[0], grounds[0], grounds[1]))
    assert np.array_equal(np.asarray(once), np.asarray(again))
    assert _difference(once, other).max() > 24


@pytest.mark.parametrize("size", [(1, 1), (1, 768), (768, 1), (3, 200)])
def test_the_smallest_pictures_keep_their_size(size: tuple[int, int]) -> None:
    ground = Image.new("RGB", size, (1, 2, 3))
    assert watermarked(ground).size == size
    assert ground.getpixel((0, 0)) == (1, 2, 3)

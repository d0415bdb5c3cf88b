"""The demo's photo ages like a print, and always in the same way."""

import numpy as np
import pytest

from deploy.demo.aging import RGB, SAMPLES, Wear, age, sample_photo
from deploy.demo.picture import psnr

UNHURT = Wear(scratches=0, specks=0, fibres=0, grain=0.0)


@pytest.fixture(scope="module")
def photo() -> RGB:
    """A piece of the portrait, small enough to age in milliseconds."""
    return sample_photo()[:160, 160:320]


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_photos_in_colour_from_an_installed_package(name: str) -> None:
    photo = sample_photo(name)
    assert photo.dtype == np.uint8
    assert photo.shape[2:] == (3,)
    assert np.ptp(photo.astype(int), axis=2).mean() > 5


def test_another_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"astronaut.*coffee"):
        sample_photo("lena")


def test_the_same_seed_ages_in_the_same_way_and_another_does_not(photo: RGB) -> None:
    assert np.array_equal(age(photo, 3), age(photo, 3))
    assert not np.array_equal(age(photo, 3), age(photo, 4))


def test_ageing_leaves_the_photo_itself_alone(photo: RGB) -> None:
    before = photo.copy()
    age(photo, 3)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("shape", [(1, 1), (2, 50), (37, 23), (300, 20)])
def test_any_size_can_age(photo: RGB, shape: tuple[int, int]) -> None:
    piece = np.resize(photo, (*shape, 3))
    aged = age(piece, 1)
    assert aged.dtype == np.uint8
    assert aged.shape == piece.shape


@pytest.mark.parametrize("seed", range(4))
def test_blacks_rise_contrast_falls_and_paper_yellows(photo: RGB, seed: int) -> None:
    aged = age(photo, seed, UNHURT).astype(float)
    assert np.percentile(aged, 1) > np.percentile(photo, 1) + 25
    assert aged.std() < 0.85 * photo.std()
    white = aged[photo.min(axis=2) > 215]
    assert white[:, 2].mean() < white[:, 0].mean() - 10


def test_fading_alone_makes_no_new_edges(photo: RGB) -> None:
    steps = np.abs(np.diff(age(photo, 1, UNHURT).astype(float), axis=1))
    assert steps.max() <= np.abs(np.diff(photo.astype(float), axis=1)).max()


def test_damage_is_local_and_much_stronger_than_grain(photo: RGB) -> None:
    hurt = age(photo, 2).astype(float)
    unhurt = age(photo, 2, Wear(scratches=0, specks=0, fibres=0)).astype(float)
    difference = np.abs(hurt - unhurt).max(axis=2)
    assert 0.002 < (difference > 40).mean() < 0.15
    assert (difference == 0).mean() > 0.7


def test_an_aged_photo_is_far_from_the_good_one(photo: RGB) -> None:
    assert 10 < psnr(age(photo, 1), photo) < 20

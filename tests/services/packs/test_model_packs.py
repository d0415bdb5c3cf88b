"""What holds of the packs with models whatever the model paints: here, test cards."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from deploy.demo.aging import RGB, sample_photo
from deploy.demo.picture import psnr


def ssim(one: RGB, other: RGB) -> float:
    return float(structural_similarity(one, other, channel_axis=2))  # type: ignore[no-untyped-call]


def brightness(picture: RGB) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)


@pytest.mark.parametrize("scale", [2, 3, 4])
async def test_an_enlargement_is_held_to_the_picture_even_if_the_model_paints_another(
    run_on_cards: Any, pictures: Any, tmp_path: Path, scale: int
) -> None:
    read, write = pictures
    photo = sample_photo("chelsea")
    source = write(tmp_path / "master.png", photo)
    large = read(await run_on_cards("upscale_hd", source, scale=scale))
    assert large.shape[:2] == (photo.shape[0] * scale, photo.shape[1] * scale)
    back = cv2.resize(large, photo.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert ssim(np.asarray(back, np.uint8), photo) > 0.9


async def test_colorizing_gives_colours_and_leaves_every_brightness(
    run_on_cards: Any, pictures: Any, tmp_path: Path
) -> None:
    read, write = pictures
    gray = np.repeat(brightness(sample_photo("chelsea"))[..., None], 3, 2).astype(np.uint8)
    # Away from black and white every colour can be shown at every brightness.
    source = write(tmp_path / "photo.png", (gray // 2 + 64).astype(np.uint8))
    coloured = read(await run_on_cards("colorize", source, megapixels=0.2))
    left_alone = read(await run_on_cards("colorize", source, megapixels=0.2, denoise=0))
    assert np.ptp(coloured.astype(int), axis=2).max() > 50
    assert np.ptp(left_alone.astype(int), axis=2).max() == 0
    differences = np.abs(brightness(coloured) - brightness(left_alone))
    assert np.percentile(differences, 95) <= 6  # a test card is far darker


async def test_faithful_restoration_at_denoise_zero_only_scales(
    run_on_cards: Any, pictures: Any, tmp_path: Path
) -> None:
    read, write = pictures
    photo = sample_photo("chelsea")
    source = write(tmp_path / "photo.png", photo)
    untouched = read(await run_on_cards("restore_faithful", source, megapixels=0.3, denoise=0))
    assert untouched.shape[0] * untouched.shape[1] == pytest.approx(0.3 * 1024**2, rel=0.01)
    assert psnr(untouched, photo) > 35
    painted = read(await run_on_cards("restore_faithful", source, megapixels=0.3, denoise=1))
    assert psnr(painted, photo) < 20


@pytest.mark.parametrize("shape", [(400, 600), (601, 299), (200, 1400)])
async def test_a_clip_of_the_video_model_has_the_photos_shape_in_sides_the_model_can_make(
    run_on_cards: Any, pictures: Any, clip_of: Any, tmp_path: Path, shape: tuple[int, int]
) -> None:
    source = pictures[1](tmp_path / "photo.png", np.resize(sample_photo("coffee"), (*shape, 3)))
    clip = clip_of(await run_on_cards("animate", source, megapixels=0.2, seconds=2))
    height, width = clip.size
    assert (height % 32, width % 32) == (0, 0)
    assert width / height == pytest.approx(shape[1] / shape[0], rel=0.16)
    assert (len(clip.frames), clip.rate) == (49, 24)


async def test_an_enlarged_clip_keeps_its_frames_and_its_pace(
    run_on_cards: Any, clip_of: Any, clip_file: Any
) -> None:
    photo = sample_photo("coffee")
    source = clip_file([np.ascontiguousarray(photo[n : 48 + n, :64]) for n in range(7)], rate=12)
    large = clip_of(await run_on_cards("animate_hd", source, scale=3))
    assert large.size == (48 * 3, 64 * 3)
    assert (len(large.frames), large.rate) == (7, 12)

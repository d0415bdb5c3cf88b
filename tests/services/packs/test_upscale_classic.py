"""What the packs that enlarge without a model make, run by the small engine."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from deploy.demo.aging import RGB, sample_photo


def ssim(one: RGB, other: RGB) -> float:
    return float(structural_similarity(one, other, channel_axis=2))  # type: ignore[no-untyped-call]


def scaled_back(picture: RGB, like: RGB) -> RGB:
    sized = cv2.resize(picture, like.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(sized, np.uint8)


def sharpness(picture: RGB) -> float:
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(gray, cv2.CV_64F).std())


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
async def test_scaled_back_it_is_the_picture_it_was_made_from(
    run_pack: Any, pictures: Any, tmp_path: Path, name: str, scale: int
) -> None:
    read, write = pictures
    photo = sample_photo(name)
    large = read(await run_pack("upscale_classic", write(tmp_path / "m.png", photo), scale=scale))
    assert large.shape[:2] == (photo.shape[0] * scale, photo.shape[1] * scale)
    assert ssim(scaled_back(large, photo), photo) > 0.98


@pytest.mark.parametrize("scale", [2, 4])
async def test_edges_are_firmer_than_by_resampling_alone(
    run_pack: Any, pictures: Any, tmp_path: Path, scale: int
) -> None:
    read, write = pictures
    photo = sample_photo("chelsea")
    large = read(await run_pack("upscale_classic", write(tmp_path / "m.png", photo), scale=scale))
    size = large.shape[1::-1]
    plain = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    assert 1.1 * sharpness(plain) < sharpness(large) < 3 * sharpness(plain)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 60, 200)])
async def test_a_blank_sheet_keeps_its_colour(
    run_pack: Any, pictures: Any, tmp_path: Path, colour: tuple[int, int, int]
) -> None:
    read, write = pictures
    sheet = np.full((31, 47, 3), colour, np.uint8)
    large = read(await run_pack("upscale_classic", write(tmp_path / "m.png", sheet), scale=3))
    assert np.abs(large.astype(int) - colour).max() <= 1


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (401, 3)])
async def test_every_shape_can_be_enlarged(
    run_pack: Any, pictures: Any, tmp_path: Path, shape: tuple[int, int], scale: int
) -> None:
    read, write = pictures
    photo = np.resize(sample_photo("coffee"), (*shape, 3))
    large = read(await run_pack("upscale_classic", write(tmp_path / "m.png", photo), scale=scale))
    assert large.shape[:2] == (shape[0] * scale, shape[1] * scale)


@pytest.mark.parametrize("scale", [2, 3])
async def test_an_enlarged_clip_shows_the_same_frames_at_the_same_pace(
    run_pack: Any, clip_of: Any, clip_file: Any, scale: int
) -> None:
    photo = sample_photo("coffee")
    windows = [np.ascontiguousarray(photo[100:220, 200 + n : 360 + n]) for n in range(18)]
    source = clip_file(windows, rate=17)
    master = clip_of(source)
    large = clip_of(await run_pack("upscale_video_classic", source, scale=scale))
    assert large.size == (120 * scale, 160 * scale)
    assert (len(large.frames), large.rate, large.pixel_format) == (18, 17, "yuv420p")
    for frame, before in zip(large.frames, master.frames, strict=True):
        assert ssim(scaled_back(frame, before), before) > 0.95

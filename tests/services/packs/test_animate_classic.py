"""What the pack `animate_classic` makes of a still, run by the small engine."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.demo.aging import RGB, sample_photo
from deploy.demo.picture import psnr

Animate = Callable[..., Awaitable[Any]]
Floats = NDArray[np.float64]
_LAG = 4  # frames between two that are compared: the codec's noise counts less


@pytest.fixture
def animate(run_pack: Any, pictures: Any, clip_of: Any, tmp_path: Path) -> Animate:
    """The clip of a photo; small and short unless said otherwise."""

    async def run(photo: RGB, **given: Any) -> Any:
        source = pictures[1](tmp_path / "photo.png", photo)
        wanted = {"megapixels": 0.1, "seconds": 2, "fps": 12, **given}
        return clip_of(await run_pack("animate_classic", source, **wanted))

    return run


def drift_of(frames: list[RGB], rows: slice, columns: slice) -> Floats:
    """How far that part of the picture moves within `_LAG` frames: right, down; in pixels."""
    grays = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)[rows, columns].astype(np.float32) for f in frames]
    window = cv2.createHanningWindow(grays[0].shape[::-1], cv2.CV_32F)
    pairs = zip(grays, grays[_LAG:], strict=False)
    return np.array([cv2.phaseCorrelate(a.copy(), b.copy(), window)[0] for a, b in pairs])


@pytest.mark.parametrize(("seconds", "fps"), [(2, 12), (2, 30), (3, 17)])
async def test_the_clip_is_as_long_and_as_fast_as_asked(
    animate: Animate, seconds: int, fps: int
) -> None:
    clip = await animate(sample_photo("coffee"), seconds=seconds, fps=fps)
    assert len(clip.frames) == seconds * fps
    assert clip.rate == fps
    assert (clip.codec, clip.pixel_format) == ("h264", "yuv420p")


@pytest.mark.parametrize(
    ("motion", "left", "right"),
    [
        ("push_in", (-1, -1), (1, -1)),
        ("pull_out", (1, 1), (-1, 1)),
        ("pan_left", (1, 0), (1, 0)),
        ("pan_right", (-1, 0), (-1, 0)),
        ("drift", (-1, -1), (-1, -1)),
    ],
)
async def test_the_camera_moves_evenly_and_where_it_should(
    animate: Animate, motion: str, left: tuple[int, int], right: tuple[int, int]
) -> None:
    clip = await animate(sample_photo("coffee"), motion=motion, megapixels=0.25, fps=24)
    height, width = clip.size
    for columns, signs in ((slice(0, width // 2), left), (slice(width // 2, width), right)):
        moved = drift_of(clip.frames, slice(0, height // 2), columns)
        for along, sign in zip(moved.T, signs, strict=True):
            if sign == 0:
                assert np.abs(along).max() < 0.3
            else:
                assert (along * sign).min() > 0.3  # never still, never back
        jerks = np.abs(np.diff(moved, axis=0))
        assert jerks.max() < 0.7  # a window in whole pixels of the frame would jerk by 1
        assert jerks.mean() < 0.2


async def test_a_push_in_begins_with_the_photo_and_a_pull_out_ends_with_it(
    animate: Animate,
) -> None:
    photo = sample_photo("chelsea")
    pushed = await animate(photo, motion="push_in", megapixels=0.25)
    pulled = await animate(photo, motion="pull_out", megapixels=0.25)
    for whole, closer in (
        (pushed.frames[0], pushed.frames[-1]),
        (pulled.frames[-1], pulled.frames[0]),
    ):
        assert psnr(whole, photo) > 30
        assert psnr(closer, photo) < psnr(whole, photo) - 8


async def test_brightness_does_not_flicker(animate: Animate) -> None:
    clip = await animate(sample_photo("chelsea"), motion="pan_right", fps=24)
    means = np.array([frame.mean() for frame in clip.frames])
    assert np.abs(np.diff(means, n=2)).max() < 2.0  # of 255


@pytest.mark.parametrize("motion", ["push_in", "drift"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 2), (401, 299), (299, 401), (60, 1200), (1200, 60), (33, 901)]
)
async def test_every_shape_becomes_a_clip_of_its_shape_with_even_sides(
    animate: Animate, shape: tuple[int, int], motion: str
) -> None:
    photo = np.resize(sample_photo("coffee"), (*shape, 3))
    clip = await animate(photo, motion=motion)
    height, width = clip.size
    assert (height % 2, width % 2, len(clip.frames)) == (0, 0, 24)
    assert width / height == pytest.approx(shape[1] / shape[0], rel=0.04)
    assert width * height == pytest.approx(0.1 * 1024 * 1024, rel=0.05)


async def test_the_same_photo_gives_the_same_clip(animate: Animate) -> None:
    one, other = [await animate(sample_photo("rocket"), motion="pan_left") for _ in range(2)]
    assert all(psnr(a, b) > 40 for a, b in zip(one.frames, other.frames, strict=True))

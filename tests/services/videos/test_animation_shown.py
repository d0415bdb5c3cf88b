"""From a still to what a person sees and buys: packs without models, run by the small engine."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from deploy.demo.aging import sample_photo
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.ports.photos import PhotoLimits

LEAST = 0.95
"""Structural similarity of HD, scaled down, and the clean master it was made of."""


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    scaled = cv2.resize(one, other.shape[1::-1], interpolation=cv2.INTER_AREA)
    return float(structural_similarity(scaled, other, channel_axis=2))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(("motion", "scale"), [("push_in", 4), ("pan_left", 2)])
async def test_hd_of_an_animation_is_the_animation_that_was_shown(
    run_pack: Any,
    clips: Any,
    videos: PyAvVideoDecoder,
    tmp_path: Path,
    into: Path,
    motion: str,
    scale: int,
) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.asarray(sample_photo("coffee"))).save(photo)
    wanted = {"motion": motion, "seconds": 2, "fps": 12, "megapixels": 0.1}
    master = await run_pack("animate_classic", photo, **wanted)
    made = await videos.derive(master, into, digital_source_type="algorithmicallyEnhanced")
    hd = await run_pack("upscale_video_classic", master, scale=scale)
    delivered = await videos.label(hd, into, digital_source_type="algorithmicallyEnhanced")

    clean, large = clips.read(master), clips.read(delivered.path)
    shown = clips.read(made.preview.path)
    assert (delivered.width, delivered.height) == (
        made.master_width * scale,
        made.master_height * scale,
    )
    assert len(clean.frames) == len(large.frames) == len(shown.frames) == made.master_frames == 24
    assert large.rate == shown.rate == 12
    for small, big in zip(clean.frames[::3], large.frames[::3], strict=True):
        assert similarity(big, small) >= LEAST


@pytest.mark.parametrize("scale", [2, 4])
async def test_hd_of_a_picture_is_the_picture_that_was_shown(
    run_pack: Any, tmp_path: Path, into: Path, scale: int
) -> None:
    photos = PillowPhotoDecoder(PhotoLimits(timeout_seconds=200, queue_seconds=200))
    master = tmp_path / "photo.png"
    clean = np.asarray(sample_photo("chelsea"))
    Image.fromarray(clean).save(master)
    made = await photos.derive(master, into)
    hd = await run_pack("upscale_classic", master, scale=scale)
    delivered = await photos.label(hd, into, digital_source_type="algorithmicallyEnhanced")

    assert delivered.width == made.master_width * scale
    with Image.open(delivered.path) as large, Image.open(hd) as rendered:
        assert large.tobytes() == rendered.tobytes()
        assert similarity(np.asarray(large), clean) >= LEAST


@pytest.mark.parametrize("shape", [(60, 1200), (1200, 60), (401, 299)])
async def test_every_shape_of_photo_has_a_preview(
    run_pack: Any,
    clips: Any,
    videos: PyAvVideoDecoder,
    tmp_path: Path,
    into: Path,
    shape: tuple[int, int],
) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.resize(sample_photo("coffee"), (*shape, 3)).astype(np.uint8)).save(photo)
    master = await run_pack("animate_classic", photo, seconds=2, fps=12, megapixels=0.1)
    made = await videos.derive(master, into)
    seen = clips.read(made.preview.path)
    assert len(seen.frames) == 24
    assert max(made.preview.width, made.preview.height) <= 768
    assert made.preview.width / made.preview.height == pytest.approx(shape[1] / shape[0], rel=0.06)

"""Clips and HD results by a whole worker in this process."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from PIL import Image

from rekindle.adapters.s3 import S3Store
from rekindle.contracts import keys
from rekindle.contracts.statuses import AttemptStatus
from rekindle.store import events
from rekindle.store.database import Database

SHORT = {"seconds": 2, "fps": 12, "megapixels": 0.1}


@pytest.fixture
async def picture(person: Any) -> Any:
    """A restoration that succeeded."""
    return await person.sees(await person.restores())


@pytest.fixture
async def clip(person: Any, picture: Any) -> Any:
    """An animation of it that succeeded."""
    return await person.sees(await person.animates(picture, "animate_classic", **SHORT))


async def fetched(objects: S3Store, key: str | None, folder: Path) -> Path:
    assert key is not None
    await objects.fetch_file(key, folder / Path(key).name)
    return folder / Path(key).name


async def test_a_clip_has_master_preview_and_thumbnail_and_is_the_latest(
    person: Any, picture: Any, clip: Any, objects: S3Store, tmp_path: Path
) -> None:
    assert (clip.status, clip.error_code) == (AttemptStatus.SUCCEEDED, None)
    assert (clip.source_id, clip.seconds, clip.fps) == (picture.id, 2.0, 12.0)
    for key in (clip.master_key, clip.preview_key):
        with av.open(str(await fetched(objects, key, tmp_path))) as container:
            assert sum(1 for _ in container.decode(video=0)) == 24
    thumbnail = await fetched(objects, clip.thumbnail_key, tmp_path)
    assert cv2.imread(str(thumbnail)) is not None
    assert await person.latest_animation() == clip.id
    assert await person.selected() == picture.id


async def test_the_log_tells_of_a_clip_that_is_the_latest(
    person: Any, clip: Any, database: Database
) -> None:
    async with database.transaction() as session:
        log = await events.since(session, {person.job.job_id: 0}, limit=100)
    assert [each.kind for each in log][-2:] == ["attempt.succeeded", "job.animated"]
    assert log[-1].data == {"latest_animation_id": str(clip.id)}


async def test_hd_of_a_picture_is_made_of_its_master_and_labelled(
    person: Any, picture: Any, objects: S3Store, tmp_path: Path
) -> None:
    hd = await person.sees(await person.has_hd_made(picture, "upscale_classic"))
    assert (hd.status, hd.error_code) == (AttemptStatus.SUCCEEDED, None)
    assert hd.master_key == keys.restored_hd(picture.job_id, picture.stamp)
    file = await fetched(objects, hd.master_key, tmp_path)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == hd.master_sha256
    with Image.open(file) as image:
        assert image.size == (hd.width, hd.height)
        assert image.size >= (2 * picture.width, 2 * picture.height)
        assert "algorithmicallyEnhanced" in str(image.info)


async def test_hd_of_a_clip_is_made_of_its_master_and_labelled(
    person: Any, clip: Any, objects: S3Store, tmp_path: Path
) -> None:
    hd = await person.sees(await person.has_hd_made(clip, "upscale_video_classic"))
    assert (hd.status, hd.error_code) == (AttemptStatus.SUCCEEDED, None)
    assert hd.master_key == keys.animated_hd(clip.job_id, clip.stamp)
    file = await fetched(objects, hd.master_key, tmp_path)
    assert b"algorithmicallyEnhanced" in file.read_bytes()
    with av.open(str(file)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (hd.width, hd.height)
        assert video.width >= 2 * clip.width


async def test_hd_shows_nothing_changes_no_choice_and_leaves_nothing_unlabelled(
    person: Any, picture: Any, objects: S3Store
) -> None:
    hd = await person.sees(await person.has_hd_made(picture, "upscale_classic"))
    assert (hd.preview_key, hd.thumbnail_key) == (None, None)
    assert await person.selected() == picture.id
    async with asyncio.timeout(60):  # after it was recorded
        while await objects.head(keys.unlabelled(hd.master_key)) is not None:
            await asyncio.sleep(0.05)

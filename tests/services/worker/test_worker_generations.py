"""Pictures of words, and of words and a photo, by a whole worker in this process."""

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image

from comfy_graphs import complete, load_pack
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import keys
from rekindle.contracts.jobs import AttemptCommand
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.models import Attempt, Job
from rekindle.store import jobs, users
from rekindle.store.database import Database


async def generates(person: Any, source_key: str | None, **given: Any) -> Attempt:
    """The attempt once it has ended."""
    pack = load_pack("generate")
    has_photo = source_key is not None
    command = AttemptCommand(
        attempt_id=uuid4(),
        kind=AttemptKind.GENERATION,
        source_key=source_key,
        graph=pack.name,
        graph_version=pack.manifest.version,
        gpu_class=pack.manifest.gpu_class,
        parameters=complete(pack, given, seed=7, has_photo=has_photo),
        max_retries=0,
        deadline_seconds=300,
    )
    await person.commands.begin(person.job, command)
    ended: Attempt = await person.sees(command.attempt_id)
    return ended


async def forget_photo(database: Database, objects: S3Store, job_id: UUID) -> None:
    """Make it a job that never had a photo."""
    await objects.delete(keys.working(job_id))
    async with database.transaction() as session:
        old = await jobs.by_id(session, job_id)
        assert old is not None
        await session.delete(old)
    async with database.transaction() as session:
        user_id = await users.remember(session, issuer="i", subject=str(job_id))
        await jobs.record(session, Job(id=job_id, user_id=user_id, email=""))


async def shown(objects: S3Store, key: str | None, folder: Path) -> tuple[Any, str]:
    """Size of a picture, and what is written in it."""
    assert key is not None
    file = folder / key.replace("/", "-")
    await objects.fetch_file(key, file)
    with Image.open(file) as image:
        return image.size, str(image.info)


@pytest.mark.parametrize("of_photo", [False, True], ids=["words", "photo"])
async def test_a_picture_has_a_private_master_and_says_in_its_preview_how_it_came_about(
    of_photo: bool,
    person: Any,
    database: Database,
    objects: S3Store,
    tmp_path: Path,
) -> None:
    job_id = person.job.job_id
    if not of_photo:
        await forget_photo(database, objects, job_id)
    source = keys.working(job_id) if of_photo else None
    made = await generates(person, source, prompt="A harbour.", style="ink", shape="tall")
    assert (made.status, made.error_code) == (AttemptStatus.SUCCEEDED, None)
    assert (made.kind, made.parameters["style"]) == (AttemptKind.GENERATION, "ink")
    assert made.master_key == keys.generated_master(job_id, made.stamp)
    assert made.preview_key == keys.generated_preview(job_id, made.stamp)
    assert made.thumbnail_key == keys.thumbnail(job_id, made.stamp)
    size, _ = await shown(objects, made.master_key, tmp_path)
    assert size == (made.width, made.height)
    if not of_photo:
        assert size == (928, 1664)
    master = tmp_path / made.master_key.replace("/", "-")
    assert hashlib.sha256(master.read_bytes()).hexdigest() == made.master_sha256
    seen, told = await shown(objects, made.preview_key, tmp_path)
    assert max(seen) <= 768
    origin = "compositeWithTrained" if of_photo else "/trained"
    assert f"{origin}AlgorithmicMedia" in told
    assert await person.selected() is None  # only restorations are chosen

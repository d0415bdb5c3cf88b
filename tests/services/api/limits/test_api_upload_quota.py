"""At most so many jobs and bytes of one user in 24 hours."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from rekindle.models import Job
from tests.services.statements import statements

SetSettings = Callable[..., None]
DAY = 24 * 3600


async def age(world: Any, job: dict[str, Any], **by: float) -> None:
    """A job was made that long ago."""
    async with world.database.transaction() as session:
        made = {"created_at": Job.created_at - timedelta(**by)}
        await session.execute(update(Job).where(col(Job.id) == UUID(job["id"])).values(made))


async def resize(world: Any, job: dict[str, Any], size_bytes: int) -> None:
    async with world.database.transaction() as session:
        size = {"original_bytes": size_bytes}
        await session.execute(update(Job).where(col(Job.id) == UUID(job["id"])).values(size))


async def test_so_many_jobs_may_be_made_in_a_day(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    upload: Any,
    set_settings: SetSettings,
    world: Any,
) -> None:
    set_settings(upload_quota_jobs_per_day=1)
    await age(world, job, hours=23)
    reply = await upload(http)
    assert (reply.status_code, reply.json()["code"]) == (429, "upload_quota_exceeded")
    assert 0 < int(reply.headers["retry-after"]) <= 3600
    assert world.jobs.opened == []
    await age(world, job, hours=2)
    assert (await upload(http)).status_code == 201


async def test_so_many_bytes_may_be_uploaded_in_a_day(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    upload: Any,
    set_settings: SetSettings,
    world: Any,
) -> None:
    set_settings(upload_quota_mb_per_day=3)
    await resize(world, job, (3 << 20) - 100)
    reply = await upload(http)
    assert (reply.status_code, reply.json()["code"]) == (429, "upload_quota_exceeded")
    await resize(world, job, 2 << 20)
    assert (await upload(http)).status_code == 201


async def test_a_form_for_the_bucket_is_refused_as_well(
    http: httpx.AsyncClient, job: dict[str, Any], set_settings: SetSettings, world: Any
) -> None:
    set_settings(upload_quota_mb_per_day=1)
    await resize(world, job, 1 << 19)
    wish = {"content_type": "image/jpeg", "size_bytes": 1 << 19}
    assert (await http.post("/api/v1/uploads", json=wish)).status_code == 201
    wish = {"content_type": "image/jpeg", "size_bytes": (1 << 19) + 1}
    reply = await http.post("/api/v1/uploads", json=wish)
    assert (reply.status_code, reply.json()["code"]) == (429, "upload_quota_exceeded")


async def test_others_have_a_quota_of_their_own(
    http: httpx.AsyncClient, job: dict[str, Any], upload: Any, set_settings: SetSettings
) -> None:
    set_settings(upload_quota_jobs_per_day=1)
    assert (await upload(http)).status_code == 429
    http.headers["Authorization"] = f"Bearer other-{uuid4()}"
    assert (await upload(http)).status_code == 201


@pytest.mark.parametrize("quota", [0, 5], ids=["none", "some"])
async def test_counting_costs_no_statement(
    quota: int, http: httpx.AsyncClient, upload: Any, set_settings: SetSettings, world: Any
) -> None:
    set_settings(upload_quota_jobs_per_day=quota)
    with statements(world.database) as sent:
        assert (await upload(http)).status_code == 201
    assert len(sent) == 3

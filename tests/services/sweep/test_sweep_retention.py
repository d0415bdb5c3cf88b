"""What is not kept for ever: jobs that are too old, objects of no job, old records."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update
from sqlmodel import col

from activities.retention import PAGE, PAUSE, RetentionActivities
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import keys
from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.retention import EraseStrays
from rekindle.contracts.statuses import JobStatus
from rekindle.models import IdempotencyKey, Job, JobEvent
from rekindle.store import deletion, events, jobs
from tests.services.rows import stored_job
from tests.services.sweep.conftest import Books

LONG_AGO = timedelta(days=400)


@dataclass
class Begun:
    """Deletions that were begun."""

    jobs: list[UUID] = field(default_factory=list)

    async def begin(self, job_id: UUID) -> None:
        self.jobs.append(job_id)

    async def undo(self, job_id: UUID) -> None:
        raise AssertionError(job_id)


@dataclass
class House:
    """Jobs of some age, and what keeps order among them."""

    books: Books
    objects: S3Store
    begun: Begun
    keeping: Callable[..., RetentionActivities]

    async def job(self, *, age: timedelta = timedelta(0), **facts: Any) -> UUID:
        """A job that was made so long ago."""
        async with self.books.database.transaction() as session:
            job_id = (await stored_job(session)).id
            change = update(Job).where(col(Job.id) == job_id)
            await session.execute(change.values(created_at=func.now() - age, **facts))
        return job_id

    async def status(self, job_id: UUID) -> str:
        async with self.books.database.transaction() as session:
            found = await jobs.by_id(session, job_id)
        assert found is not None
        return found.status


@pytest.fixture
def house(books: Books, objects: S3Store) -> House:
    begun = Begun()

    def keeping(**changed: Any) -> RetentionActivities:
        usual: dict[str, Any] = {
            "database": books.database,
            "objects": objects,
            "deletions": begun,
            "orders": TemporalOrders(books.client, patience_seconds=60),
            "retention": timedelta(days=30),
        }
        return RetentionActivities(**usual | changed)

    return House(books, objects, begun, keeping)


async def test_jobs_that_are_too_old_are_deleted_for_good(house: House) -> None:
    old = await house.job(age=timedelta(days=31))
    young = await house.job(age=timedelta(days=29))
    done = await house.keeping().delete_due_jobs()
    assert (done.expired, house.begun.jobs) == (1, [old])
    assert [await house.status(each) for each in (old, young)] == ["deleted", "active"]
    async with house.books.database.transaction() as session:
        row = await deletion.by_id(session, old)
        assert row is not None
        assert not await deletion.undo(session, row)
    assert (await house.keeping().delete_due_jobs()).expired == 0


async def test_by_default_jobs_are_kept(house: House) -> None:
    await house.job(age=LONG_AGO)
    assert (await house.keeping(retention=None).delete_due_jobs()).expired == 0
    assert house.begun.jobs == []


@pytest.mark.parametrize("status", [OrderStatus.PAID, OrderStatus.RENDERING])
async def test_what_is_paid_for_is_delivered_before_a_job_expires(
    status: OrderStatus, house: House
) -> None:
    job_id = await house.job(age=LONG_AGO)
    await house.books.order(job_id=job_id, status=status)
    assert (await house.keeping().delete_due_jobs()).expired == 0
    assert await house.status(job_id) == JobStatus.ACTIVE


async def test_unpaid_orders_of_a_job_that_expires_are_given_up(house: House) -> None:
    job_id = await house.job(age=LONG_AGO)
    order_id = await house.books.order(job_id=job_id)
    assert (await house.keeping().delete_due_jobs()).expired == 1
    assert await house.books.wakes(order_id) == 1


async def test_a_deletion_that_nobody_is_at_is_begun_again(house: House) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    lost = await house.job(status=JobStatus.DELETED, deleted_at=past, undo_until=past)
    soon = datetime.now(UTC) + timedelta(hours=1)
    await house.job(status=JobStatus.DELETED, deleted_at=past, undo_until=soon)
    done = await house.keeping().delete_due_jobs()
    assert (done.overdue, house.begun.jobs) == (1, [lost])


async def put(house: House, tmp_path: Path, *names: str) -> None:
    (tmp_path / "file").write_bytes(b"a picture")
    for name in names:
        await house.objects.put_file(name, tmp_path / "file", content_type="image/png")


async def sweep_objects(house: House, **changed: Any) -> int:
    """A whole round; how many objects were deleted."""
    keeping, erased, ask = house.keeping(**changed), 0, EraseStrays()
    while True:
        found = await keeping.erase_strays(ask)
        erased += found.erased
        if found.after is None:
            assert found.finished_at is not None
            return erased
        ask = EraseStrays(after=found.after, finished_at=found.finished_at)


async def test_objects_of_no_job_are_deleted_once_they_are_old(
    house: House, tmp_path: Path
) -> None:
    nobodys, ours = uuid4(), await house.job()
    deleted = await house.job(status=JobStatus.DELETED)
    strays = [keys.uploaded(nobodys, "png"), keys.working(nobodys)]
    strays += [keys.restored_master(nobodys, "s"), keys.animated_hd(nobodys, "s")]
    kept = [keys.working(ours), keys.thumbnail(ours, "s"), keys.working(deleted)]
    kept += [f"restored/not-a-job-{nobodys}/x.png", keys.incoming(nobodys)]
    await put(house, tmp_path, *strays, *kept)
    await sweep_objects(house)
    assert [await house.objects.head(each) is None for each in strays] == [False] * 4
    assert await sweep_objects(house, stray_age=timedelta(0)) >= 4
    assert [await house.objects.head(each) is None for each in strays] == [True] * 4
    assert [await house.objects.head(each) is None for each in kept] == [False] * 5
    await house.objects.delete(*kept)


async def test_rounds_through_the_objects_have_pauses(house: House) -> None:
    keeping = house.keeping()
    first = await keeping.erase_strays(EraseStrays())
    assert first.finished_at is not None
    again = await keeping.erase_strays(EraseStrays(finished_at=first.finished_at))
    assert again.finished_at == first.finished_at
    later = EraseStrays(finished_at=first.finished_at - PAUSE)
    assert (await keeping.erase_strays(later)).finished_at != later.finished_at


async def test_a_page_of_objects_is_a_bound(house: House, tmp_path: Path) -> None:
    assert PAGE <= 1000  # more at once no store lists
    nobodys = uuid4()
    names = [keys.thumbnail(nobodys, f"{n}") for n in range(3)]
    await put(house, tmp_path, *names)
    begin = EraseStrays(after=names[0])
    found = await house.keeping(stray_age=timedelta(0)).erase_strays(begin)
    assert found.erased >= 2
    assert [await house.objects.head(each) is None for each in names] == [False, True, True]
    await house.objects.delete(*names)


async def test_old_events_and_replies_are_deleted(house: House) -> None:
    job_id = await house.job()
    ages = (timedelta(days=31), timedelta(days=29))
    async with house.books.database.transaction() as session:
        for age in ages:
            moment = datetime.now(UTC) - age
            session.add(JobEvent(job_id=job_id, kind="job.selected", data={}, created_at=moment))
        for hours in (25, 23):
            key = IdempotencyKey(
                scope=f"{uuid4()}",
                fingerprint="0",
                first_used_at=datetime.now(UTC) - timedelta(hours=hours),
                tries=1,
                holder=uuid4(),
            )
            session.add(key)
    done = await house.keeping().prune_records()
    assert (done.events, done.keys) == (1, 1)
    async with house.books.database.transaction() as session:
        left = await events.since(session, {job_id: 0}, limit=10)
        state = await events.state(session, job_id)
    assert state is not None
    assert [each.id for each in left] == [state.event_id]


@pytest.mark.parametrize(
    "key",
    [
        *(keys.uploaded, keys.working, keys.thumbnail, keys.restored_hd, keys.animated_preview),
        *(keys.generated_master, keys.generated_preview),
    ],
    ids=lambda key: key.__name__,
)
def test_a_key_tells_whose_it_is(key: Callable[..., str]) -> None:
    job_id, other = uuid4(), uuid4()
    names = [key(each, *(["x"] if key is not keys.working else [])) for each in (job_id, other)]
    assert [keys.job_of(name) for name in names] == [job_id, other]
    prefixes = keys.prefixes_of(job_id)
    assert [name.startswith(prefixes) for name in names] == [True, False]
    assert names[0].startswith(keys.FOLDERS)


@pytest.mark.parametrize(
    "name", ["", "x", "restored/x", "incoming/{id}", "other/{id}/x", "working/{id}", "{id}.png"]
)
def test_what_is_no_key_of_a_job_is_nobodys(name: str) -> None:
    assert keys.job_of(name.format(id=uuid4())) is None

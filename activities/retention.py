"""What is not kept for ever. Every part is idempotent, bounded, and needs nothing of the others."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from temporalio import activity

from activities.failures import as_failures
from rekindle.contracts import keys
from rekindle.contracts.retention import DueJobs, ErasedStrays, EraseStrays, PrunedRecords
from rekindle.errors import OrderUndelivered, RekindleError
from rekindle.ports.deletion import DeletionCommands
from rekindle.ports.objects import FoundObject, ObjectStore
from rekindle.ports.orders import OrderCommands
from rekindle.store import browser_sessions, deletion, events, idempotency, jobs, sweep
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
MOST_JOBS = 50
"""Deleted in one run; the next one goes on."""
MOST_ROWS = 5000
"""Old records that one run deletes, of each kind."""
PAGES, PAGE = 5, 1000
"""Lists of objects in one run, and objects in each."""
OVERDUE = timedelta(minutes=5)
"""A deletion that should have been over for so long is begun again."""
STRAY = timedelta(hours=24)
"""An object is put before its job has a row: so long it may be without one."""
PAUSE = timedelta(hours=6)
"""From one round through all objects to the next."""
EVENTS_KEPT = timedelta(days=30)
"""Who has followed a job until then is told anew how it stands."""


class RetentionActivities:
    """The parts of a sweep that delete."""

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        deletions: DeletionCommands,
        orders: OrderCommands,
        retention: timedelta | None,
        stray_age: timedelta = STRAY,
    ) -> None:
        """Work through these ports.

        Args:
            retention: how long jobs are kept; None for ever.
            stray_age: an object may be so old before its job has a row.
        """
        self._database = database
        self._objects = objects
        self._deletions = deletions
        self._orders = orders
        self._retention = retention
        self._stray_age = stray_age

    def activities(self) -> Sequence[Callable[..., Any]]:
        """All of them, for a worker."""
        return [
            self.delete_due_jobs,
            self.erase_strays,
            self.prune_records,
        ]

    @activity.defn
    async def delete_due_jobs(self) -> DueJobs:
        """Delete jobs that are too old, and go on with deletions that nobody is at."""
        with as_failures():
            async with self._database.transaction() as session:
                overdue = await deletion.overdue(session, since=OVERDUE, most=MOST_JOBS)
                too_old: Sequence[UUID] = ()
                if self._retention is not None:
                    too_old = await deletion.expired(session, age=self._retention, most=MOST_JOBS)
            expired = [job_id for job_id in too_old if await self._delete(job_id)]
            for job_id in (*expired, *overdue):
                await self._deletions.begin(job_id)
            return DueJobs(expired=len(expired), overdue=len(overdue))

    async def _delete(self, job_id: UUID) -> bool:
        """Delete a job as its owner does, but for the time to have it back."""
        try:
            async with self._database.transaction() as session:
                job = await deletion.by_id(session, job_id)
                if job is None:
                    return False
                marked = await deletion.mark(session, job, undo=timedelta(0))
        except OrderUndelivered:
            return False  # paid this moment
        for order_id in marked.given_up:
            try:
                await self._orders.wake(order_id)
            except RekindleError as error:
                _LOG.warning("an order is left to the sweep", order=str(order_id), why=str(error))
        return True

    @activity.defn
    async def erase_strays(self, ask: EraseStrays) -> ErasedStrays:
        """Look through some of the objects; delete old ones whose job has no row.

        They come of a process that died between an object and its row, or of one that wrote when
        its job was being erased.
        """
        with as_failures():
            now = await self._now()
            if ask.after is None and ask.finished_at and now - ask.finished_at < PAUSE:
                return ErasedStrays(finished_at=ask.finished_at)
            after, erased = ask.after, 0
            for _ in range(PAGES):
                page = await self._page(after)
                if not page:
                    return ErasedStrays(finished_at=now, erased=erased)
                erased += await self._erase(page)
                after = page[-1].key
            return ErasedStrays(after=after, finished_at=ask.finished_at, erased=erased)

    async def _page(self, after: str | None) -> Sequence[FoundObject]:
        """The next objects behind a key, folder by folder."""
        for folder in keys.FOLDERS:
            if after is not None and after > folder and not after.startswith(folder):
                continue
            page = await self._objects.find(folder, after=after, most=PAGE)
            if page:
                return page
        return ()

    async def _erase(self, page: Sequence[FoundObject]) -> int:
        old = datetime.now(UTC) - self._stray_age
        owners = {
            each.key: job_id
            for each in page
            if each.changed_at <= old and (job_id := keys.job_of(each.key))
        }
        if not owners:
            return 0
        async with self._database.transaction() as session:
            known = await jobs.known(session, set(owners.values()))
        strays = [key for key, job_id in owners.items() if job_id not in known]
        if strays:
            _LOG.warning("objects_of_no_job", count=len(strays))
            await self._objects.delete(*strays)
        return len(strays)

    @activity.defn
    async def prune_records(self) -> PrunedRecords:
        """Delete records that nobody needs any more."""
        with as_failures():
            async with self._database.transaction() as session:
                old_events = await events.prune(session, older_than=EVENTS_KEPT, most=MOST_ROWS)
            async with self._database.transaction() as session:
                old_keys = await idempotency.sweep(session, most=MOST_ROWS)
            async with self._database.transaction() as session:
                over = await browser_sessions.sweep(session, most=MOST_ROWS)
            return PrunedRecords(events=old_events, keys=old_keys, sessions=over)

    async def _now(self) -> datetime:
        async with self._database.transaction() as session:
            return await sweep.now(session)

"""One sweep: what payments were missed, what stands still, and what is not kept for ever."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.retention import RetentionActivities
    from activities.sweep import SweepActivities
    from activities.uploads import UploadActivities
    from rekindle.contracts.retention import DueJobs, ErasedStrays, EraseStrays, PrunedRecords
    from rekindle.contracts.sweep import (
        SWEEP,
        FetchedEvents,
        FetchEvents,
        Swept,
        WakeStuck,
        WakeWaiting,
        WokenStuck,
        WokenWaiting,
    )
    from rekindle.contracts.uploads import ClearedUploads, ClearUploads

FIRST = timedelta(hours=72)
"""How far back the first run looks: the provider repeats an announcement for that long."""
OVERLAP = timedelta(minutes=15)
"""For clocks that differ, and for events that are listed late."""
KEPT = timedelta(days=30)
"""The provider keeps events for that long."""
_TRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=2)
_BOUND = timedelta(minutes=2)

Told = TypeVar("Told")


@workflow.defn(name=SWEEP)
class Sweep:
    """Started by the schedule. Each run begins where the last one that ended well came to."""

    @workflow.run
    async def run(self) -> Swept:
        """Do every part, whatever becomes of the others."""
        last = _last()
        (events, waiting, stuck), (uploads, due, strays, pruned) = await asyncio.gather(
            asyncio.gather(_done(_fetch(last)), _done(_waiting(last)), _done(_stuck(last))),
            asyncio.gather(
                _done(_uploads(last)), _done(_due()), _done(_strays(last)), _done(_pruned())
            ),
        )
        rows = (*_moved(events, waiting, stuck), *_kept(uploads, due, strays, pruned))
        workflow.set_current_details(_table(rows))
        return Swept(
            events_until=(events and events.until) or last.events_until,
            told_until=waiting.told_until if waiting else last.told_until,
            stuck_until=stuck.until if stuck else last.stuck_until,
            incoming_after=uploads.incoming_after if uploads else last.incoming_after,
            strays_after=strays.after if strays else last.strays_after,
            strays_finished_at=strays.finished_at if strays else last.strays_finished_at,
        )


def since(now: datetime, until: datetime | None) -> datetime:
    """From when on events are fetched.

    Args:
        now: the present.
        until: how far the last run came; None before the first.
    """
    wanted = now - FIRST if until is None else min(until, now) - OVERLAP
    return max(wanted, now - KEPT)


def _last() -> Swept:
    found: Swept | None = workflow.get_last_completion_result(Swept)
    return found or Swept()


async def _done(part: Awaitable[Told]) -> Told | None:
    """What a part came to; None when it failed, which Temporal shows."""
    try:
        return await part
    except ActivityError:
        return None


def _fetch(last: Swept) -> Awaitable[FetchedEvents]:
    return workflow.execute_activity_method(
        SweepActivities.fetch_events,
        FetchEvents(since=since(workflow.now(), last.events_until)),
        start_to_close_timeout=_BOUND,
        retry_policy=_TRIES,
        summary="events that were never announced",
    )


def _waiting(last: Swept) -> Awaitable[WokenWaiting]:
    return workflow.execute_activity_method(
        SweepActivities.wake_waiting,
        WakeWaiting(told_until=last.told_until),
        start_to_close_timeout=_BOUND,
        retry_policy=_TRIES,
        summary="events that did no work",
    )


def _stuck(last: Swept) -> Awaitable[WokenStuck]:
    return workflow.execute_activity_method(
        SweepActivities.wake_stuck,
        WakeStuck(since=last.stuck_until),
        start_to_close_timeout=_BOUND,
        retry_policy=_TRIES,
        summary="orders that stand still",
    )


def _uploads(last: Swept) -> Awaitable[ClearedUploads]:
    return workflow.execute_activity_method(
        UploadActivities.clear_uploads,
        ClearUploads(incoming_after=last.incoming_after),
        start_to_close_timeout=_BOUND,
        retry_policy=_TRIES,
        summary="uploads that nobody made a job of",
    )


def _due() -> Awaitable[DueJobs]:
    return workflow.execute_activity_method(
        RetentionActivities.delete_due_jobs,
        start_to_close_timeout=_BOUND,
        retry_policy=_TRIES,
        summary="jobs that are due to be erased",
    )


def _strays(last: Swept) -> Awaitable[ErasedStrays]:
    return workflow.execute_activity_method(
        RetentionActivities.erase_strays,
        EraseStrays(after=last.strays_after, finished_at=last.strays_finished_at),
        start_to_close_timeout=_BOUND,
        retry_policy=_TRIES,
        summary="objects of no job",
    )


def _pruned() -> Awaitable[PrunedRecords]:
    return workflow.execute_activity_method(
        RetentionActivities.prune_records,
        start_to_close_timeout=_BOUND,
        retry_policy=_TRIES,
        summary="old records",
    )


_FAILED = "failed; the next run tries again"
Row = tuple[str, str]


def _moved(
    events: FetchedEvents | None, waiting: WokenWaiting | None, stuck: WokenStuck | None
) -> tuple[Row, ...]:
    return (
        (
            "missed events",
            f"{events.new} new, {events.woken} orders woken" if events else _FAILED,
        ),
        (
            "events that did no work",
            f"{waiting.woken} orders woken, {waiting.nobodys} of no order" if waiting else _FAILED,
        ),
        ("orders that stand still", f"{stuck.woken} woken" if stuck else _FAILED),
    )


def _kept(
    uploads: ClearedUploads | None,
    due: DueJobs | None,
    strays: ErasedStrays | None,
    pruned: PrunedRecords | None,
) -> tuple[Row, ...]:
    return (
        (
            "uploads",
            f"{uploads.forgotten} forgotten, {uploads.strays} strays, {uploads.aborted} unfinished"
            if uploads
            else _FAILED,
        ),
        ("jobs", f"{due.expired} too old, {due.overdue} overdue" if due else _FAILED),
        ("objects of no job", f"{strays.erased} erased" if strays else _FAILED),
        ("old records", f"{pruned.events} events, {pruned.keys} keys" if pruned else _FAILED),
    )


def _table(rows: tuple[Row, ...]) -> str:
    return "\n".join(["| part | found |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)])

"""One sweep: missed announcements, events that did no work, orders that stand still, uploads."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.sweep import SweepActivities
    from activities.uploads import UploadActivities
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
        events, waiting, stuck, uploads = await asyncio.gather(
            _done(_fetch(last)), _done(_waiting(last)), _done(_stuck(last)), _done(_uploads(last))
        )
        workflow.set_current_details(_table(events, waiting, stuck, uploads))
        return Swept(
            events_until=(events and events.until) or last.events_until,
            told_until=waiting.told_until if waiting else last.told_until,
            stuck_until=stuck.until if stuck else last.stuck_until,
            incoming_after=uploads.incoming_after if uploads else last.incoming_after,
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


def _table(
    events: FetchedEvents | None,
    waiting: WokenWaiting | None,
    stuck: WokenStuck | None,
    uploads: ClearedUploads | None,
) -> str:
    failed = "failed; the next run tries again"
    rows = (
        (
            "missed events",
            f"{events.new} new, {events.woken} orders woken" if events else failed,
        ),
        (
            "events that did no work",
            f"{waiting.woken} orders woken, {waiting.nobodys} of no order" if waiting else failed,
        ),
        ("orders that stand still", f"{stuck.woken} woken" if stuck else failed),
        (
            "uploads",
            f"{uploads.forgotten} forgotten, {uploads.strays} strays, {uploads.aborted} unfinished"
            if uploads
            else failed,
        ),
    )
    return "\n".join(["| part | found |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)])

"""Runs of the sweep: each begins where the last one came to, and no part stops another."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from activities.retention import RetentionActivities
from activities.sweep import SweepActivities
from activities.uploads import UploadActivities
from rekindle.adapters.schedules import TemporalSchedules
from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.payload import Payload
from rekindle.contracts.retention import EraseStrays
from rekindle.contracts.sweep import SWEEP, FetchEvents, Swept, WakeStuck, WakeWaiting
from rekindle.ports.schedules import PlannedSchedule
from tests.services.stripe.conftest import Shop
from tests.services.sweep.conftest import Books, Parcels
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.sweep import FIRST, KEPT, OVERLAP, Sweep, since

NOW = datetime(2026, 11, 20, tzinfo=UTC)
Input = TypeVar("Input", bound=Payload)


@dataclass
class Runs:
    """A schedule of sweeps that comes due once a day, and is triggered by hand."""

    client: Client
    schedules: TemporalSchedules
    name: str

    async def next(self) -> WorkflowHandle[Any, Swept]:
        """One run, which has ended."""
        handle = self.client.get_schedule_handle(self.name)
        before = (await handle.describe()).info.num_actions
        await self.schedules.trigger(self.name)
        while (info := (await handle.describe()).info).num_actions == before:
            await asyncio.sleep(0.05)
        action: Any = info.recent_actions[-1].action
        run = self.client.get_workflow_handle(action.workflow_id, result_type=Swept)
        await run.result()
        # The next run is handed this one's result once the schedule knows that it has ended.
        while (await handle.describe()).info.running_actions:
            await asyncio.sleep(0.05)
        return run


async def asked(run: WorkflowHandle[Any, Swept], name: str, kind: type[Input]) -> Input:
    """What an activity of a run was asked for."""
    events: list[HistoryEvent] = [each async for each in run.fetch_history_events()]
    found = [each.activity_task_scheduled_event_attributes for each in events]
    (one,) = [each for each in found if each.activity_type.name == name]
    return kind.model_validate_json(one.input.payloads[0].data)


@pytest.fixture
async def runs(
    temporal: Client,
    sweep: SweepActivities,
    uploads: UploadActivities,
    retention: RetentionActivities,
) -> AsyncIterator[Runs]:
    name = f"sweep-{uuid4()}"
    planned = PlannedSchedule(name=name, workflow=SWEEP, task_queue=name, every_seconds=86_400.0)
    schedules = TemporalSchedules(temporal, [planned])
    await schedules.apply(planned)
    try:
        async with Worker(
            temporal,
            task_queue=name,
            workflows=[Sweep],
            activities=[
                sweep.fetch_events,
                sweep.wake_waiting,
                sweep.wake_stuck,
                uploads.clear_uploads,
                *retention.activities(),
            ],
            workflow_runner=workflow_runner(),
        ):
            yield Runs(temporal, schedules, name)
    finally:
        with contextlib.suppress(RPCError):  # it was never applied
            await temporal.get_schedule_handle(name).delete()


async def test_each_run_begins_where_the_last_one_came_to(runs: Runs) -> None:
    first = await runs.next()
    ended, begun = await first.result(), (await first.describe()).start_time
    assert ended.events_until is not None
    asked_first = await asked(first, "fetch_events", FetchEvents)
    assert abs(asked_first.since - (begun - FIRST)) < timedelta(minutes=5)
    assert (await asked(first, "wake_stuck", WakeStuck)).since is None
    second = await runs.next()
    asked_second = await asked(second, "fetch_events", FetchEvents)
    assert asked_second.since <= ended.events_until - OVERLAP
    assert asked_second.since > ended.events_until - OVERLAP - timedelta(minutes=5)
    assert (await asked(second, "wake_stuck", WakeStuck)).since == ended.stuck_until


async def test_without_the_provider_the_other_parts_go_on(
    runs: Runs, shop: Shop, books: Books
) -> None:
    before = await (await runs.next()).result()
    waiting = await books.order()
    await books.event("evt_1", order_id=waiting, age=timedelta(minutes=2))
    await books.event("evt_2", order_id=uuid4(), age=timedelta(hours=2))
    missed = await books.order(shop.order_id)
    await shop.paid()
    await shop.plan({"kind": "server_error", "route": "GET /v1/events", "count": None})
    run = await runs.next()
    after = await run.result()
    assert after.events_until == before.events_until
    assert None not in (after.told_until, after.stuck_until)
    assert [await books.wakes(each) for each in (waiting, missed)] == [1, 0]
    details = await told(run)
    assert "| missed events | failed; the next run tries again |" in details
    assert "| events that did no work | 1 orders woken, 1 of no order |" in details
    await shop.plan()
    again = await runs.next()
    assert (await again.result()).events_until != before.events_until
    assert (await asked(again, "wake_waiting", WakeWaiting)).told_until == after.told_until
    assert await books.wakes(missed) == 1


async def test_the_first_run_wakes_all_that_stand_still(runs: Runs, books: Books) -> None:
    orders = [
        await books.order(status=OrderStatus.PAID, age=timedelta(minutes=16 * n)) for n in (1, 2)
    ]
    run = await runs.next()
    assert [await books.wakes(each) for each in orders] == [1, 1]
    assert "| orders that stand still | 2 woken |" in await told(run)
    await runs.next()
    assert [await books.wakes(each) for each in orders] == [1, 1]


async def test_runs_look_at_the_incoming_photos_in_turn(runs: Runs, parcels: Parcels) -> None:
    """Two at each run, of three: the third run begins anew."""
    photos = sorted([await parcels.put(uuid4()) for _ in range(3)])
    ends = [(await (await runs.next()).result()).incoming_after for _ in range(3)]
    assert ends == [photos[1], None, photos[1]]


async def told(run: WorkflowHandle[Any, Swept]) -> str:
    """What the run shows of itself; its worker is asked for it."""
    answer: Any = await run.query("__temporal_workflow_metadata")
    return str(answer["currentDetails"] if isinstance(answer, dict) else answer)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (None, NOW - FIRST),
        (NOW, NOW - OVERLAP),
        (NOW - timedelta(hours=5), NOW - timedelta(hours=5) - OVERLAP),
        (NOW + timedelta(hours=1), NOW - OVERLAP),
        (NOW - timedelta(days=300), NOW - KEPT),
    ],
    ids=["first", "ever", "late", "a clock ahead", "ages ago"],
)
def test_events_are_fetched_from_the_last_run_on(
    until: datetime | None, expected: datetime
) -> None:
    assert since(NOW, until) == expected


async def test_a_run_deletes_what_is_not_kept_and_remembers_how_far_it_came(runs: Runs) -> None:
    run = await runs.next()
    ended = await run.result()
    for _ in range(20):  # other tests have put many objects into the bucket
        if ended.strays_finished_at is not None:
            break
        run, before = await runs.next(), ended.strays_after
        ended = await run.result()
        assert (await asked(run, "erase_strays", EraseStrays)).after == before
    assert ended.strays_finished_at is not None
    details = await told(run)
    for row in ("| jobs | 0 too old, 0 overdue |", "| old records | 0 events, 0 keys |"):
        assert row in details
    second = await runs.next()
    assert (await asked(second, "erase_strays", EraseStrays)) == EraseStrays(
        finished_at=ended.strays_finished_at
    )
    assert (await second.result()).strays_finished_at == ended.strays_finished_at

"""The deletion of a job, from its owner's wish until nothing is left, whatever happens."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.testing import TimeSkipper
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.traces import unless_erased
from rekindle.contracts import deletion as contract
from rekindle.contracts import keys
from rekindle.contracts.deletion import DeletionState
from rekindle.contracts.statuses import AttemptStatus, JobStatus
from rekindle.errors import JobNotFound
from rekindle.store import deletion
from tests.services.deletion.conftest import PATIENCE, Doomed

STEPS = (
    "read_deletion",
    "claim_deletion",
    "stop_job",
    "erase_histories",
    "erase_objects",
    "erase_rows",
)


async def test_nothing_of_a_job_is_left(doomed: Doomed) -> None:
    stamp = "20261120T101010-0123abcd"
    await doomed.stores(
        keys.restored_master(doomed.job_id, stamp),
        keys.animated_preview(doomed.job_id, stamp),
        keys.thumbnail(doomed.job_id, stamp),
        keys.unlabelled(keys.restored_hd(doomed.job_id, stamp)),
    )
    neighbour = keys.thumbnail(uuid4(), stamp)
    await doomed.stores(neighbour)
    async with doomed.working():
        await doomed.restores()
        doomed.script.may_end.set()
        await doomed.mark()
        await doomed.commands().begin(doomed.job_id)
        done = await doomed.ended()
        assert (done.state, done.objects) == (DeletionState.GONE, 7)
        assert (await doomed.stored(), await doomed.row()) == ([], None)
        assert await doomed.objects.head(neighbour) is not None


async def test_what_runs_is_stopped_at_once_and_stays_stopped(doomed: Doomed) -> None:
    doomed.script.may_end.set()
    async with doomed.working():
        attempt_id = await doomed.restores()
        await doomed.mark(timedelta(days=1))
        await doomed.commands().begin(doomed.job_id)
        await doomed.until_canceled(attempt_id)
        async with asyncio.timeout(PATIENCE):
            while await doomed.status(attempt_id) is not AttemptStatus.CANCELED:
                await asyncio.sleep(0.02)
        assert await doomed.stored() != []
        told = await doomed.client.get_workflow_handle(doomed.photo_job).describe()
        assert told.status is WorkflowExecutionStatus.TERMINATED


async def test_a_job_that_is_wanted_back_stays(doomed: Doomed) -> None:
    kept = await doomed.stored()
    async with doomed.working():
        await doomed.mark(timedelta(days=1))
        await doomed.commands().begin(doomed.job_id)
        assert await doomed.want_back()
        await doomed.commands().undo(doomed.job_id)
        assert (await doomed.ended()).state is DeletionState.KEPT
        assert await doomed.stored() == kept
        row = await doomed.row()
        assert row is not None
        assert (row.status, row.deleted_at, row.undo_until) == (JobStatus.ACTIVE, None, None)
        assert await doomed.restores()
        await doomed.mark()
        await doomed.commands().begin(doomed.job_id)
        doomed.script.may_end.set()
        assert (await doomed.ended()).state is DeletionState.GONE


async def test_a_job_is_erased_when_its_time_is_over(doomed: Doomed, skipping: TimeSkipper) -> None:
    async with doomed.working():
        await doomed.mark(timedelta(days=1))
        await doomed.commands(skipping.client).begin(doomed.job_id)
        assert (await doomed.ended()).state is DeletionState.GONE
        assert (await doomed.stored(), await doomed.row()) == ([], None)


async def test_who_deletes_anew_has_all_the_time_again(doomed: Doomed) -> None:
    async with doomed.database.transaction() as session:
        found = await deletion.by_id(session, doomed.job_id)
        assert found is not None
        first = (await deletion.mark(session, found, undo=timedelta(hours=1))).job.undo_until
    assert first is not None
    assert await doomed.want_back()
    await doomed.mark(timedelta(hours=2))
    async with doomed.database.transaction() as session:
        assert not await deletion.claim(session, doomed.job_id, first)
    assert await doomed.want_back()


async def test_a_claimed_job_cannot_be_had_back(doomed: Doomed) -> None:
    await doomed.mark(timedelta(hours=1))
    row = await doomed.row()
    assert row is not None
    assert row.undo_until is not None
    for _ in range(2):
        async with doomed.database.transaction() as session:
            assert await deletion.claim(session, doomed.job_id, row.undo_until)
    assert not await doomed.want_back()


async def test_the_deletion_of_a_job_that_is_gone_ends(doomed: Doomed) -> None:
    async with doomed.working():
        await doomed.mark()
        for _ in range(2):
            await doomed.commands().begin(doomed.job_id)
            assert (await doomed.ended()).state is DeletionState.GONE


async def test_undoing_what_was_never_begun_is_nothing(doomed: Doomed) -> None:
    await doomed.commands().undo(doomed.job_id)
    assert not await doomed.has_history(contract.workflow_id(doomed.job_id))


class Crashes(Interceptor):
    """Every step dies twice: before it has done anything, and with its work done but untold."""

    def __init__(self, *steps: str) -> None:
        self.left = {step: ["before", "after"] for step in steps}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return Crashing(next, self.left)


class Crashing(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, left: dict[str, list[str]]) -> None:
        super().__init__(next)
        self._left = left

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        left = self._left.get(input.fn.__name__, [])
        when = left.pop(0) if left else None
        if when == "before":
            raise ApplicationError("died")
        result = await super().execute_activity(input)
        if when == "after":
            raise ApplicationError("died")
        return result


async def test_every_step_may_die_before_and_after_its_work(doomed: Doomed) -> None:
    crashes = Crashes(*STEPS)
    doomed.script.may_end.set()
    async with doomed.working([crashes]):
        await doomed.restores()
        await doomed.mark()
        await doomed.commands().begin(doomed.job_id)
        assert (await doomed.ended()).state is DeletionState.GONE
        assert crashes.left == {step: [] for step in STEPS}
        assert (await doomed.stored(), await doomed.row()) == ([], None)


class Reached(Interceptor):
    """Says when a step was reached, and lets nothing begin from then on."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.reached = asyncio.Event()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return Reaching(next, self)


class Reaching(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, reached: Reached) -> None:
        super().__init__(next)
        self._reached = reached

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if input.fn.__name__ == self._reached.step:
            await super().execute_activity(input)
            self._reached.reached.set()
            raise ApplicationError("the process ends")
        return await super().execute_activity(input)


@pytest.mark.parametrize("step", STEPS[1:])
async def test_another_worker_goes_on_where_one_has_died(step: str, doomed: Doomed) -> None:
    await doomed.mark()
    reached = Reached(step)
    async with doomed.working([reached]):
        await doomed.commands().begin(doomed.job_id)
        await asyncio.wait_for(reached.reached.wait(), PATIENCE)
    async with doomed.working():
        assert (await doomed.ended()).state is DeletionState.GONE
    assert (await doomed.stored(), await doomed.row()) == ([], None)


async def test_a_deletion_that_was_terminated_is_begun_anew(doomed: Doomed) -> None:
    await doomed.mark()
    reached = Reached("erase_objects")
    async with doomed.working([reached]):
        await doomed.commands().begin(doomed.job_id)
        await asyncio.wait_for(reached.reached.wait(), PATIENCE)
        await doomed.handle.terminate()
    async with doomed.working():
        await doomed.commands().begin(doomed.job_id)
        assert (await doomed.ended()).state is DeletionState.GONE
    assert (await doomed.stored(), await doomed.row()) == ([], None)


async def test_a_result_that_comes_late_is_erased_as_well(doomed: Doomed) -> None:
    async with doomed.working():
        attempt_id = await doomed.restores()
        await doomed.mark()
        await doomed.commands().begin(doomed.job_id)
        await doomed.until_canceled(attempt_id)
        doomed.script.may_end.set()  # and puts its result
        done = await doomed.ended()
    assert (done.objects, await doomed.stored()) == (3, [])


async def test_a_render_that_does_not_end_is_terminated(doomed: Doomed) -> None:
    async with doomed.working(patience_seconds=0.5):
        attempt_id = await doomed.restores()
        await doomed.mark()
        await doomed.commands().begin(doomed.job_id)
        assert (await doomed.ended()).state is DeletionState.GONE
        assert doomed.script.canceled == [attempt_id]
        assert (await doomed.stored(), await doomed.row()) == ([], None)


async def test_who_stores_after_everything_was_erased_takes_it_back(doomed: Doomed) -> None:
    master = keys.restored_master(doomed.job_id, "s")
    await doomed.stores(master)
    await unless_erased(doomed.database, doomed.objects, doomed.job_id, [master])
    assert await doomed.objects.head(master) is not None
    await doomed.mark()
    async with doomed.database.transaction() as session:
        assert await deletion.erase(session, doomed.job_id)
    with pytest.raises(JobNotFound):
        await unless_erased(doomed.database, doomed.objects, doomed.job_id, [master])
    assert await doomed.objects.head(master) is None
    await doomed.objects.delete(keys.uploaded(doomed.job_id, "jpg"), keys.working(doomed.job_id))


async def test_a_kept_job_is_never_erased(doomed: Doomed) -> None:
    async with doomed.database.transaction() as session:
        assert not await deletion.erase(session, doomed.job_id)
    assert await doomed.row() is not None

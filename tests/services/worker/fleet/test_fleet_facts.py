"""What the policy is told, read from real rows."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from rekindle.contracts.fleet import Scaled
from rekindle.contracts.pods import PodEnding
from rekindle.contracts.renders import Priority
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from rekindle.models import Attempt, GpuUse
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod
from rekindle.rules.scaling import PodPhase
from rekindle.store import fleet, pods
from rekindle.store.database import Database
from tests.services.rows import stored_job

IMAGE = GpuClass.IMAGE


@pytest.fixture
async def database(database: Database, clean: None) -> Database:
    """Without rows of other tests, before and after."""
    return database


async def attempt(
    database: Database,
    status: AttemptStatus = AttemptStatus.QUEUED,
    *,
    priority: Priority = Priority.FREE,
    pod_id: str | None = None,
    progress: float = 0.0,
    graph: str = "g",
) -> UUID:
    async with database.transaction() as session:
        job = await stored_job(session)
        row = Attempt(
            id=uuid4(),
            job_id=job.id,
            status=status,
            graph=graph,
            graph_version="1",
            gpu_class=IMAGE,
            priority=priority,
            parameters={},
            stamp="s",
            pod_id=pod_id,
            progress=progress,
            created_at=datetime.now(UTC),
        )
        session.add(row)
    return row.id


async def pod(
    database: Database, number: int, *, machine: str | None = None, rate: str = "0.5"
) -> str:
    """A rented pod; with a machine it is ready."""
    async with database.transaction() as session:
        row = await pods.intend(
            session, IMAGE, number, name=lambda g: f"rk-t-image-{number}-{g}", token_salt="x"
        )
        told = CloudPod(
            cloud_id=f"c-{row.id}",
            name=row.id,
            phase=CloudPhase.RUNNING,
            gpu_type="GPU",
            data_center="DC",
            has_runtime=True,
            usd_per_hour=Decimal(rate),
            created_at=None,
            started_at=None,
        )
        await pods.rented(session, row.id, told)
        if machine is not None:
            await pods.booted(session, row.id, machine=machine, graphs=["g"])
    return row.id


async def used(
    database: Database,
    attempt_id: UUID,
    pod_id: str,
    machine: str,
    error: str | None = None,
    seconds: float = 10.0,
    graph: str = "g",
) -> None:
    async with database.transaction() as session:
        session.add(
            GpuUse(
                attempt_id=attempt_id,
                try_number=1,
                pod_id=pod_id,
                machine=machine,
                gpu_class=IMAGE,
                graph=graph,
                gpu_seconds=seconds,
                error_code=error,
                ended_at=datetime.now(UTC),
            )
        )


async def facts(database: Database) -> fleet.FleetFacts:
    async with database.transaction() as session:
        return await fleet.facts(session, IMAGE)


async def test_an_empty_class_has_no_demand_no_pods_and_costs_nothing(database: Database) -> None:
    found = await facts(database)

    assert found.demand.queued_jobs == 0
    assert (found.demand.running, found.pods, found.useless) == ((), (), ())
    assert (found.money.hour, found.money.day) == (0, 0)


async def test_queued_work_is_counted_by_whether_somebody_paid(database: Database) -> None:
    await attempt(database)
    await attempt(database)
    await attempt(database, priority=Priority.PAID)
    await attempt(database, AttemptStatus.SUCCEEDED)

    found = await facts(database)

    assert found.demand.queued_jobs == 3
    assert found.demand.paid_jobs == 1
    assert found.demand.queued_seconds == 3 * found.measured.work_mean
    assert {recent.jobs for recent in found.demand.recent} == {4}


async def test_a_pod_is_idle_unless_an_attempt_runs_on_it(database: Database) -> None:
    busy = await pod(database, 0, machine="m0")
    await pod(database, 1, machine="m1")
    await pod(database, 2)
    await attempt(database, AttemptStatus.RUNNING, pod_id=busy, progress=0.5)

    found = await facts(database)

    by_number = {p.number: p for p in found.pods}
    assert not by_number[0].is_idle
    assert by_number[1].is_idle
    assert by_number[2].phase is PodPhase.BOOTING
    assert found.demand.running == (found.measured.work_mean / 2,)
    assert found.demand.queued_jobs == 0


async def test_an_attempt_whose_pod_is_gone_waits_again(database: Database) -> None:
    gone = await pod(database, 0, machine="m0")
    await attempt(database, AttemptStatus.RUNNING, pod_id=gone)
    async with database.transaction() as session:
        await pods.close(session, IMAGE, 0, PodEnding.GONE)

    found = await facts(database)

    assert found.demand.queued_jobs == 1
    assert found.demand.running == ()


@pytest.mark.parametrize("ending", [PodEnding.DRAINED, PodEnding.AGED])
async def test_an_attempt_that_is_being_finished_needs_no_pod_when_its_own_was_returned(
    database: Database, ending: PodEnding
) -> None:
    returned = await pod(database, 0, machine="m0")
    finishing = await attempt(
        database, AttemptStatus.RUNNING, priority=Priority.PAID, pod_id=returned
    )
    await used(database, finishing, returned, "m0")
    async with database.transaction() as session:
        await pods.close(session, IMAGE, 0, ending)

    found = await facts(database)

    assert (found.demand.queued, found.demand.running) == ((), ())


async def test_a_result_that_was_lost_with_its_pod_makes_its_attempt_wait(
    database: Database,
) -> None:
    gone = await pod(database, 0, machine="m0")
    lost = await attempt(database, AttemptStatus.RUNNING, pod_id=gone)
    await used(database, lost, gone, "m0")
    async with database.transaction() as session:
        await pods.close(session, IMAGE, 0, PodEnding.GONE)

    assert (await facts(database)).demand.queued_jobs == 1


async def test_a_result_that_does_not_come_from_a_returned_pod_is_waited_for_some_minutes_only(
    database: Database,
) -> None:
    returned = await pod(database, 0, machine="m0")
    lost = await attempt(database, AttemptStatus.RUNNING, pod_id=returned)
    await used(database, lost, returned, "m0")
    async with database.transaction() as session:
        await pods.close(session, IMAGE, 0, PodEnding.DRAINED)
        await session.execute(text("update gpu_uses set ended_at = now() - interval '6 minutes'"))

    assert (await facts(database)).demand.queued_jobs == 1


async def test_an_attempt_that_failed_on_the_only_ready_machine_makes_its_pod_useless(
    database: Database,
) -> None:
    there = await pod(database, 0, machine="bad")
    failed = await attempt(database, AttemptStatus.RUNNING, pod_id=there)
    await used(database, failed, there, "bad", error="graph_failed")

    alone = await facts(database)
    await pod(database, 1, machine="good")
    together = await facts(database)

    assert (alone.useless, alone.demand.queued_jobs) == ((0,), 1)
    assert alone.failures == {0: 1}
    assert together.useless == ()


@pytest.mark.parametrize(
    ("error", "failures"),
    [
        ("canceled", 0),
        ("deadline_exceeded", 0),
        ("graph_rejected", 0),
        ("model_missing", 0),
        ("platform_error", 0),
        ("graph_failed", 1),
        ("graph_stalled", 1),
        ("pod_gone", 1),
    ],
)
async def test_only_what_another_machine_might_have_done_better_is_a_failure_of_the_machine(
    database: Database, error: str, failures: int
) -> None:
    """A graph that no server takes would otherwise have one pod after the other returned."""
    there = await pod(database, 0, machine="fine")
    ended = await attempt(database, AttemptStatus.FAILED, pod_id=there)
    await used(database, ended, there, "fine", error=error)

    assert (await facts(database)).failures == {0: failures}


async def test_work_takes_as_long_as_it_took(database: Database) -> None:
    there = await pod(database, 0, machine="m")
    for seconds in (10.0, 30.0):
        done = await attempt(database, AttemptStatus.SUCCEEDED, pod_id=there)
        await used(database, done, there, "m", seconds=seconds)

    assert (await facts(database)).measured.work_mean == 20.0


async def test_work_that_waits_is_counted_in_the_seconds_of_its_graphs(database: Database) -> None:
    """Measured ones go before those that a pack tells, and those before the mean of the class."""
    there = await pod(database, 0, machine="m")
    for graph, seconds in (("short", 4.0), ("short", 8.0), ("long", 300.0)):
        done = await attempt(database, AttemptStatus.SUCCEEDED, pod_id=there, graph=graph)
        await used(database, done, there, "m", seconds=seconds, graph=graph)
    for graph in ("short", "long", "told", "unknown"):
        await attempt(database, graph=graph)
    await attempt(database, graph="long", priority=Priority.PAID)
    await attempt(database, AttemptStatus.RUNNING, graph="long", pod_id=there, progress=0.75)
    async with database.transaction() as session:
        found = await fleet.facts(session, IMAGE, {"told": 50.0, "long": 1.0})

    mean = 312 / 3
    paid, free = found.demand.queued
    assert (paid.paid, paid.jobs, paid.seconds) == (True, 1, 300.0)
    assert (free.paid, free.jobs, free.seconds) == (False, 4, 6 + 300 + 50 + mean)
    assert found.demand.running == (75.0,)


async def test_open_and_closed_pods_cost_what_they_were_rented_for(database: Database) -> None:
    first = await pod(database, 0, rate="3600")
    second = await pod(database, 1, rate="3600")
    async with database.transaction() as session:
        await session.execute(
            text("update pods set rented_at = now() - interval '10 seconds' where id = :id"),
            {"id": first},
        )
        await session.execute(
            text("update pods set rented_at = now() - interval '5 seconds' where id = :id"),
            {"id": second},
        )
        await pods.close(session, IMAGE, 1, PodEnding.IDLE)

    found = await facts(database)
    async with database.transaction() as session:
        closed = await pods.by_id(session, second)

    assert closed is not None
    assert closed.cost_usd is not None
    assert float(closed.cost_usd) == pytest.approx(5.0, abs=0.5)
    assert closed.end_reason == PodEnding.IDLE
    # An hour or a day may just have begun: then less of it counts.
    assert found.money.hour <= found.money.day <= 15 + 60
    assert found.money.candidate == 3600.0


async def test_money_is_told_of_the_fleet_and_of_each_class(database: Database) -> None:
    there = await pod(database, 0, rate="3600")
    async with database.transaction() as session:
        await session.execute(
            text("update pods set rented_at = now() - interval '2 days' where id = :id"),
            {"id": there},
        )
        image, video = [(await fleet.facts(session, each)).money for each in GpuClass]

    assert image.day > 0
    assert (image.class_hour, image.class_day) == (image.hour, image.day)
    assert (image.elsewhere, video.elsewhere) == (0.0, 3600.0)
    assert (video.class_hour, video.class_day) == (0.0, 0.0)
    assert (video.hour, video.day) == (image.hour, image.day)


async def test_a_number_has_one_open_row_and_every_row_a_generation_of_its_own(
    database: Database,
) -> None:
    first = await pod(database, 0)
    again = await pod(database, 0)
    async with database.transaction() as session:
        await pods.close(session, IMAGE, 0, PodEnding.DRAINED)
        await pods.close(session, IMAGE, 0, PodEnding.DRAINED)
    second = await pod(database, 0)

    assert first == again == "rk-t-image-0-1"
    assert second == "rk-t-image-0-2"


async def test_somebody_scales_for_as_long_as_he_decides(database: Database) -> None:
    async with database.transaction() as session:
        before = await fleet.is_scaled(session, IMAGE, within=60)
        await fleet.decided(session, Scaled(gpu_class=IMAGE, wanted=1, reason="backlog"))
    async with database.transaction() as session:
        after = await fleet.is_scaled(session, IMAGE, within=60)
        await session.execute(text("update fleet_decisions set decided_at = now() - interval '2m'"))
    async with database.transaction() as session:
        later = await fleet.is_scaled(session, IMAGE, within=60)

    assert (before, after, later) == (False, True, False)

"""What the API tells of attempts that wait: place, ETA, and a GPU that is starting."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete
from sqlmodel import col

from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.models import Attempt, GpuUse, PodRecord
from rekindle.models.pods import PodState
from rekindle.store import attempts
from rekindle.store.database import Database
from tests.services.statements import statements

FIELDS = ("stage", "queue_position", "eta_seconds", "boot_progress")


@dataclass
class Line:
    """A GPU class and a graph of a test's own: nobody else stands in its line."""

    database: Database
    gpu_class: str = field(default_factory=lambda: f"class-{uuid4()}")
    graph: str = field(default_factory=lambda: f"graph-{uuid4()}")

    async def queue(self, job_id: str, *, priority: int = 3, graph: str | None = None) -> UUID:
        row = Attempt(
            id=uuid4(),
            job_id=UUID(job_id),
            graph=graph or self.graph,
            graph_version="1",
            gpu_class=self.gpu_class,
            priority=priority,
            parameters={"seed": 7},
            stamp="s",
        )
        async with self.database.transaction() as session:
            await attempts.record(session, row)
        return row.id

    async def advance(self, attempt_id: UUID, pod_id: str, progress: float, stage: Stage) -> None:
        async with self.database.transaction() as session:
            await attempts.advance(
                session, attempt_id, try_number=1, stage=stage, progress=progress, pod_id=pod_id
            )

    async def pod(self, state: PodState, number: int = 0, **changed: Any) -> str:
        row = PodRecord(
            id=f"pod-{uuid4()}",
            gpu_class=self.gpu_class,
            number=number,
            generation=1,
            state=state,
            **changed,
        )
        async with self.database.transaction() as session:
            session.add(row)
        return row.id

    async def boots(self, *seconds: float) -> None:
        """Pods that took so long from being rented to ready, and are gone."""
        for number, each in enumerate(seconds):
            rented = ago(1000 - number)
            ready = rented + timedelta(seconds=each)
            moments = {"rented_at": rented, "ready_at": ready, "terminated_at": ago(0)}
            await self.pod(PodState.TERMINATED, number, token_salt="rented", **moments)

    async def uses(self, *seconds: float, error_code: str | None = None) -> None:
        """Runs of the graph that took so long."""
        async with self.database.transaction() as session:
            for each in seconds:
                session.add(
                    GpuUse(
                        attempt_id=uuid4(),
                        try_number=1,
                        pod_id="gone",
                        gpu_class=self.gpu_class,
                        graph=self.graph,
                        gpu_seconds=each,
                        error_code=error_code,
                    )
                )

    async def clear(self) -> None:
        """Take its pods away: others ask whether any is ready."""
        async with self.database.transaction() as session:
            for table in (PodRecord, GpuUse):
                ours = col(table.gpu_class) == self.gpu_class
                await session.execute(delete(table).where(ours))


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
async def line(database: Database) -> AsyncIterator[Line]:
    line = Line(database)
    yield line
    await line.clear()


async def told(http: httpx.AsyncClient, job: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What a job says of each of its attempts; the attempts themselves say the same."""
    shown = (await http.get(job["links"]["self"])).json()["restores"]
    for each in shown:
        assert (await http.get(each["links"]["self"])).json() == each
    return [tuple(each[name] for name in FIELDS) for each in shown]


async def test_without_any_pod_there_is_a_position_but_no_eta(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.queue(job["id"])
    await line.queue(job["id"])
    assert await told(http, job) == [("queued", 1, None, None), ("queued", 2, None, None)]


@pytest.fixture
async def stranger(http: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else at the same API."""
    headers = {"Authorization": f"Bearer stranger-{uuid4()}"}
    async with httpx.AsyncClient(
        transport=http._transport, base_url=http.base_url, headers=headers, timeout=60
    ) as client:
        yield client


async def test_paid_work_goes_first_and_then_the_oldest_of_whoever_it_is(
    http: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    make_job: Any,
    job: dict[str, Any],
    line: Line,
) -> None:
    theirs = await make_job(stranger)
    await line.queue(theirs["id"])
    await line.queue(job["id"])
    await line.queue(theirs["id"], priority=2)
    await line.queue(job["id"])
    assert [each[1] for each in await told(http, job)] == [3, 4]
    assert [each[1] for each in await told(stranger, theirs)] == [2, 1]


async def test_of_somebody_elses_attempt_only_a_place_in_line_is_told(
    http: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    make_job: Any,
    job: dict[str, Any],
    line: Line,
) -> None:
    theirs = await make_job(stranger)
    their_attempt = await line.queue(theirs["id"])
    await line.pod(PodState.READY)
    await line.queue(job["id"])
    answer = (await http.get(job["links"]["self"])).text
    assert '"queue_position":2' in answer
    for word in (str(their_attempt), theirs["id"], "pod-", line.gpu_class):
        assert word not in answer


async def test_an_eta_is_the_work_ahead_and_its_own_by_what_was_measured(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.uses(10.0, 30.0)
    await line.uses(500.0, error_code="graph_failed")
    await line.pod(PodState.READY)
    for _ in range(3):
        await line.queue(job["id"])
    assert [each[2] for each in await told(http, job)] == [20, 40, 60]
    await line.pod(PodState.READY, 1)
    assert [each[2] for each in await told(http, job)] == [20, 30, 40]


async def test_a_graph_that_was_never_measured_takes_what_its_pack_says(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    graphs = (await http.get("/api/v1/graphs")).json()["graphs"]
    [classic] = [each for each in graphs if each["name"] == "restore_classic"]
    await line.pod(PodState.READY)
    # Nothing that other tests run here is that graph.
    async with line.database.transaction() as session:
        await session.execute(delete(GpuUse).where(col(GpuUse.graph) == classic["name"]))
    await line.queue(job["id"], graph=classic["name"])
    assert [each[2] for each in await told(http, job)] == [classic["typical_seconds"]]


async def test_a_running_attempt_has_an_eta_and_holds_its_pod_until_then(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.uses(40.0)
    pod = await line.pod(PodState.READY)
    first = await line.queue(job["id"])
    await line.queue(job["id"])
    await line.advance(first, pod, 0.25, Stage.RENDERING)
    assert await told(http, job) == [("rendering", None, 30, None), ("queued", 1, 75, None)]
    await line.advance(first, pod, 0.95, Stage.FINALIZING)
    assert await told(http, job) == [("finalizing", None, 2, None), ("queued", 1, 40, None)]


async def test_provisioning_has_an_eta_from_the_boots_that_were_measured(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.uses(20.0)
    await line.boots(100_000.0, 90_000.0, 200.0)
    await line.pod(PodState.BOOTING, created_at=ago(50_000), rented_at=ago(45_000))
    await line.queue(job["id"])
    [(stage, position, eta, boot)] = await told(http, job)
    assert (stage, position, boot) == ("provisioning", 1, 0.5)
    assert 44_000 <= eta <= 45_120


async def test_a_pod_that_is_not_rented_yet_is_on_its_way_too(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.pod(PodState.LAUNCHING)
    await line.queue(job["id"])
    [(stage, _, eta, boot)] = await told(http, job)
    assert (stage, boot) == ("provisioning", 0.0)
    assert eta > 0


@pytest.mark.parametrize("state", [PodState.UNREACHABLE, PodState.DRAINING, PodState.TERMINATED])
async def test_a_pod_that_takes_no_work_is_no_hope(
    state: PodState, http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.pod(state, terminated_at=ago(1) if state is PodState.TERMINATED else None)
    await line.queue(job["id"])
    assert await told(http, job) == [("queued", 1, None, None)]


async def test_beside_a_ready_pod_nobody_is_told_of_one_that_boots(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.pod(PodState.READY)
    await line.pod(PodState.BOOTING, 1)
    await line.queue(job["id"])
    [(stage, position, _, boot)] = await told(http, job)
    assert (stage, position, boot) == ("queued", 1, None)


async def test_behind_others_at_a_shared_server_nobody_is_promised_a_time(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.uses(40.0)
    pod = await line.pod(PodState.READY)
    first = await line.queue(job["id"])
    await line.queue(job["id"])
    await line.advance(first, pod, 0.1, Stage.QUEUED)
    assert await told(http, job) == [("queued", None, None, None), ("queued", 1, None, None)]
    await line.advance(first, pod, 0.25, Stage.RENDERING)
    assert await told(http, job) == [("rendering", None, 30, None), ("queued", 1, 75, None)]


async def test_who_began_on_a_server_that_is_away_is_promised_no_time(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    pod = await line.pod(PodState.UNREACHABLE)
    first = await line.queue(job["id"])
    await line.advance(first, pod, 0.25, Stage.RENDERING)
    assert await told(http, job) == [("rendering", None, None, None)]


async def test_who_lost_its_pod_waits_for_the_next_one_and_is_told_so(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    await line.uses(40.0)
    gone = await line.pod(PodState.TERMINATED, terminated_at=ago(1))
    first = await line.queue(job["id"])
    await line.advance(first, gone, 0.5, Stage.RENDERING)
    await line.pod(PodState.LAUNCHING, 1)
    [(stage, position, eta, boot)] = await told(http, job)
    assert (stage, position, boot) == ("provisioning", None, 0.0)
    assert eta > 40


async def test_who_has_ended_waits_for_nothing(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    attempt_id = await line.queue(job["id"])
    async with line.database.transaction() as session:
        await attempts.close(session, attempt_id, AttemptStatus.CANCELED)
    assert await told(http, job) == [(None, None, None, None)]


async def test_a_new_attempt_is_told_its_place_at_once(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    first, second = [
        (await http.post(job["links"]["restore"], json={})).json()["queue_position"]
        for _ in range(2)
    ]
    assert second > first >= 1


async def test_a_wait_costs_one_statement_and_only_while_something_is_unfinished(
    http: httpx.AsyncClient, job: dict[str, Any], line: Line
) -> None:
    async def cost(path: str) -> int:
        with statements(line.database) as sent:
            assert (await http.get(path)).status_code == 200
        return len(sent)

    paths = [job["links"]["self"], "/api/v1/jobs"]
    made = [await line.queue(job["id"]) for _ in range(3)]
    waiting = [await cost(path) for path in paths]
    for attempt_id in made:
        async with line.database.transaction() as session:
            await attempts.close(session, attempt_id, AttemptStatus.CANCELED)
    assert [await cost(path) for path in paths] == [count - 1 for count in waiting] == [2, 2]


async def test_who_polls_is_sent_the_job_anew_when_its_place_changes_and_not_before(
    http: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    make_job: Any,
    job: dict[str, Any],
    line: Line,
) -> None:
    theirs = await line.queue((await make_job(stranger))["id"])
    await line.queue(job["id"])
    first = await http.get(job["links"]["self"])
    known = {"If-None-Match": first.headers["etag"]}
    assert (await http.get(job["links"]["self"], headers=known)).status_code == 304
    async with line.database.transaction() as session:
        await attempts.close(session, theirs, AttemptStatus.CANCELED)
    moved = await http.get(job["links"]["self"], headers=known)
    assert moved.json()["restores"][0]["queue_position"] == 1
    await line.pod(PodState.LAUNCHING)
    known = {"If-None-Match": moved.headers["etag"]}
    booting = await http.get(job["links"]["self"], headers=known)
    assert booting.json()["restores"][0]["stage"] == "provisioning"

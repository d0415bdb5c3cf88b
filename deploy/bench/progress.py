"""Jobs of which something changes, a step at a time, although nobody works on them."""

from collections.abc import Sequence
from itertools import cycle
from uuid import UUID, uuid4

from comfy_graphs import load_pack
from deploy.bench.api_speed import succeeded_attempt
from deploy.bench.person import GRAPH
from rekindle.contracts.renders import Priority
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.models import Attempt
from rekindle.store import attempts, jobs
from rekindle.store.database import Database


class Progress:
    """An attempt that gets on, a step at a time."""

    def __init__(self, database: Database, attempt_id: UUID) -> None:
        """Nothing is done yet."""
        self._database = database
        self._attempt_id = attempt_id
        self._steps = 0

    async def step(self) -> None:
        """Write one change, as a worker does."""
        self._steps += 1
        async with self._database.transaction() as session:
            told = await attempts.advance(
                session,
                self._attempt_id,
                try_number=1,
                stage=Stage.RENDERING,
                progress=self._steps / 10_000,
                pod_id="bench",
            )
        if not told:
            raise RuntimeError("the attempt did not get on")


class Choice:
    """A job whose owner chooses one restoration, then another, and the first one again."""

    def __init__(self, database: Database, job_id: UUID, attempt_ids: Sequence[UUID]) -> None:
        """Nothing is chosen yet."""
        self._database = database
        self._job_id = job_id
        self._turns = cycle(attempt_ids)

    async def step(self) -> None:
        """Write one choice, as a worker does."""
        async with self._database.transaction() as session:
            await jobs.choose(session, self._job_id, next(self._turns))


async def restored_twice(database: Database, job_ids: Sequence[UUID]) -> list[Choice]:
    """Choices between two finished restorations of each of these jobs."""
    made = [(succeeded_attempt(job_id), succeeded_attempt(job_id)) for job_id in job_ids]
    choices = [
        Choice(database, job_id, [attempt.id for attempt in both])
        for job_id, both in zip(job_ids, made, strict=True)
    ]
    async with database.transaction() as session:
        session.add_all(attempt for both in made for attempt in both)
    return choices


async def begun(database: Database, job_ids: Sequence[UUID]) -> list[Progress]:
    """A running attempt of each of these jobs."""
    pack = load_pack(GRAPH)
    made = [
        Attempt(
            id=uuid4(),
            job_id=job_id,
            status=AttemptStatus.RUNNING,
            stage=Stage.RENDERING,
            graph=GRAPH,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            priority=Priority.FREE,
            parameters={},
            stamp="bench",
        )
        for job_id in job_ids
    ]
    ids = [attempt.id for attempt in made]
    async with database.transaction() as session:
        session.add_all(made)
    return [Progress(database, attempt_id) for attempt_id in ids]

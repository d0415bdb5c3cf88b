"""Attempts that nobody works on, and that get on all the same."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from comfy_graphs import load_pack
from deploy.bench.person import GRAPH
from rekindle.contracts.renders import Priority
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.models import Attempt
from rekindle.store import attempts
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


async def begun(database: Database, jobs: Sequence[UUID]) -> list[Progress]:
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
        for job_id in jobs
    ]
    ids = [attempt.id for attempt in made]
    async with database.transaction() as session:
        session.add_all(made)
    return [Progress(database, attempt_id) for attempt_id in ids]

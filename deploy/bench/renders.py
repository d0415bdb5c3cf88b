"""Attempts started straight as `Render` workflows: many of them cost their client little."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

from sqlmodel import col, func, select
from temporalio.common import Priority as TaskPriority

from comfy_graphs import complete, load_pack
from deploy.bench.person import Person
from deploy.stack.stack import MODEL_FREE_GRAPH
from rekindle.contracts import keys, queues, renders
from rekindle.contracts.jobs import PhotoJobInput
from rekindle.contracts.renders import RENDER, Priority, RenderInput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.models import Attempt

_AT_ONCE = 16
_DEADLINE_SECONDS = 3600.0
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 300.0
_PIXELS = 64


class Renders:
    """Starts attempts at a few small photos, and waits for their ends."""

    def __init__(self, person: Person, made: Sequence[PhotoJobInput]) -> None:
        """Use `Renders.of` instead."""
        self._person = person
        self._made = made
        self._pack = load_pack(MODEL_FREE_GRAPH)

    @classmethod
    async def of(cls, person: Person, folder: Path, *, jobs: int) -> "Renders":
        """Record jobs with a stored photo each.

        Args:
            person: whose.
            folder: for the photo on its way.
            jobs: how many; the attempts take turns, since those of one job wait for each other
                when they write.
        """
        return cls(person, [await person.has_job(folder, pixels=_PIXELS) for _ in range(jobs)])

    async def start(self, count: int, priority: Priority = Priority.FREE) -> list[UUID]:
        """Start so many attempts as fast as it goes; their ids."""
        lanes = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> UUID:
            async with lanes:
                return await self._start(self._made[number % len(self._made)].job_id, priority)

        return list(await asyncio.gather(*(one(number) for number in range(count))))

    async def succeeded(self, attempt_ids: Sequence[UUID], *, patience: float) -> int:
        """Wait until none of them is open; how many succeeded.

        Args:
            attempt_ids: of `start`.
            patience: after so many seconds those that are open count as lost.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while True:
            ended = await self._ended(attempt_ids)
            if sum(ended.values()) == len(attempt_ids) or loop.time() > deadline:
                return ended.get(AttemptStatus.SUCCEEDED, 0)
            await asyncio.sleep(max(_LOOK_SECONDS, len(attempt_ids) / 1000))

    async def succeed(self, attempt_ids: Sequence[UUID]) -> None:
        """Wait for all of them.

        Raises:
            RuntimeError: one did not succeed.
        """
        count = await self.succeeded(attempt_ids, patience=_PATIENCE_SECONDS)
        if count != len(attempt_ids):
            raise RuntimeError(f"{count} of {len(attempt_ids)} attempts succeeded")

    async def _start(self, job_id: UUID, priority: Priority) -> UUID:
        attempt_id = uuid4()
        order = RenderInput(
            job_id=job_id,
            attempt_id=attempt_id,
            kind=AttemptKind.RESTORE,
            stamp=attempt_id.hex,
            source_key=keys.working(job_id),
            output_key=keys.restored_master(job_id, attempt_id.hex),
            graph=self._pack.name,
            graph_version=self._pack.manifest.version,
            gpu_class=self._pack.manifest.gpu_class,
            parameters=complete(self._pack, {}, seed=uuid4().int % 2**53),
            priority=priority,
            fairness_key="0" * 16,
            deadline_seconds=_DEADLINE_SECONDS,
        )
        await self._person.client.start_workflow(
            RENDER,
            order,
            id=renders.workflow_id(attempt_id),
            task_queue=queues.CONTROL,
            priority=TaskPriority(priority_key=priority),
        )
        return attempt_id

    async def _ended(self, attempt_ids: Sequence[UUID]) -> dict[str, int]:
        """How many have ended, by status."""
        counts = (
            select(col(Attempt.status), func.count())
            .where(col(Attempt.id).in_(attempt_ids))
            .group_by(col(Attempt.status))
        )
        async with self._person.database.transaction() as session:
            found = {str(status): int(n) for status, n in await session.execute(counts)}
        return {status: n for status, n in found.items() if AttemptStatus(status).is_final}

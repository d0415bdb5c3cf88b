"""Somebody who restores photos: straight through the workflows, as the API does it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from temporalio.client import Client

from comfy_graphs import complete, load_pack
from deploy.bench.photos import write_photo
from deploy.stack.stack import Stack
from deploy.stack.test_cards import drawing_cards
from rekindle.adapters.temporal import TemporalJobs, connect
from rekindle.contracts import keys
from rekindle.contracts.jobs import AttemptCommand, PhotoJobInput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.models import Attempt, Job
from rekindle.ports.objects import ObjectStore
from rekindle.store import attempts, jobs, users
from rekindle.store.database import Database
from rekindle.wiring.parts import object_store

GRAPH = "restore"
SAMPLER = "KSampler"
"""The node that is made to take its time; everything else of the test card is quick."""
CARDS = drawing_cards(GRAPH)
"""What the small ComfyUI has to be told, to run that graph without models."""


class Person:
    """Jobs and attempts on a running stack."""

    def __init__(self, client: Client, database: Database, objects: ObjectStore) -> None:
        """Use `Person.on` instead."""
        self.client = client
        self.database = database
        self.objects = objects
        self._commands = TemporalJobs(client)

    @classmethod
    async def on(cls, stack: Stack) -> "Person":
        """A person with connections of their own to a running stack."""
        addresses = stack.addresses
        client = await connect(addresses.temporal, addresses.temporal_namespace)
        return cls(client, Database(addresses.database), object_store(stack.settings))

    async def has_job(self, folder: Path, *, pixels: int) -> PhotoJobInput:
        """A recorded job whose working copy is stored.

        Args:
            folder: for the photo on its way.
            pixels: side of the square photo.
        """
        job = PhotoJobInput(job_id=uuid4(), fairness_key="0" * 16)
        photo = folder / "photo.png"
        await asyncio.to_thread(write_photo, photo, pixels)
        await self.objects.put_file(keys.working(job.job_id), photo, content_type="image/png")
        await self.record(job)
        return job

    async def record(self, job: PhotoJobInput) -> None:
        """Write the job's row."""
        async with self.database.transaction() as session:
            user_id = await users.remember(session, issuer="bench", subject="bench")
            row = Job(
                id=job.job_id,
                user_id=user_id,
                email="bench@example.com",
                original_key=keys.uploaded(job.job_id, "png"),
                original_media_type="image/png",
                original_sha256="0" * 64,
                original_bytes=0,
                working_key=keys.working(job.job_id),
                width=1,
                height=1,
            )
            await jobs.record(session, row)

    async def copies(self, job_id: UUID) -> UUID:
        """Record a further job like one that was uploaded, as its owner's; the id of the copy."""
        async with self.database.transaction() as session:
            pattern = await session.get_one(Job, job_id)
            twin = pattern.model_copy(update={"id": uuid4()})
            await jobs.record(session, twin)
        return twin.id

    async def restores(self, job: PhotoJobInput, **given: Any) -> UUID:
        """Start an attempt."""
        pack = load_pack(GRAPH)
        command = AttemptCommand(
            attempt_id=uuid4(),
            kind=AttemptKind.RESTORE,
            graph=GRAPH,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=complete(pack, given, seed=uuid4().int % 2**53),
            source_key=keys.working(job.job_id),
            max_retries=0,
            deadline_seconds=3600,
        )
        await self._commands.begin(job, command)
        return command.attempt_id

    async def sees(self, job: PhotoJobInput, attempt_id: UUID) -> Attempt:
        """The attempt, once it has succeeded."""
        while True:
            async with self.database.transaction() as session:
                found = await attempts.of_job(session, job.job_id, attempt_id)
            if found is not None and AttemptStatus(found.status).is_final:
                if found.status != AttemptStatus.SUCCEEDED:
                    raise RuntimeError(f"the attempt ended as {found.status}: {found.error_code}")
                return found
            await asyncio.sleep(0.01)

    async def restores_many(self, made: Sequence[PhotoJobInput], count: int) -> None:
        """Have attempts started all at once, and see each of them succeed.

        Args:
            made: jobs that take turns.
            count: how many attempts.
        """
        asked = [made[number % len(made)] for number in range(count)]
        started = await asyncio.gather(*(self.restores(job, megapixels=0.1) for job in asked))
        for job, attempt_id in zip(asked, started, strict=True):
            await self.sees(job, attempt_id)

    async def leave(self) -> None:
        """Close the connections."""
        await self.database.close()

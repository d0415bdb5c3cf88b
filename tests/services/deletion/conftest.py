"""A person's job with something in every place, and a worker that deletes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update
from sqlmodel import col
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Interceptor

from activities.deletion import DeletionActivities
from rekindle.adapters.job_deletion import TemporalDeletions, TemporalJobWorkflows
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.temporal import TemporalJobs
from rekindle.contracts import deletion as contract
from rekindle.contracts import jobs as job_contract
from rekindle.contracts import keys, queues, renders
from rekindle.contracts.deletion import Erased
from rekindle.contracts.jobs import AttemptCommand, PhotoJobInput
from rekindle.contracts.renders import RenderInput, RenderResult
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, GpuClass
from rekindle.models import Job
from rekindle.store import attempts, deletion, jobs, users
from rekindle.store.database import Database
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.delete_job import DeleteJob
from workflows_temporal.photo_job import PhotoJob

PATIENCE = 120


@workflow.defn(name=renders.RENDER, sandboxed=False)
class Rendering:
    """Renders until it is cancelled; its last words are its activity's."""

    @workflow.run
    async def run(self, order: RenderInput) -> RenderResult:
        await workflow.execute_activity(
            "admit", order, start_to_close_timeout=timedelta(seconds=PATIENCE)
        )
        try:
            await workflow.wait_condition(lambda: False)
        except asyncio.CancelledError:
            await asyncio.shield(
                workflow.execute_activity(
                    "last_words", order, start_to_close_timeout=timedelta(seconds=PATIENCE)
                )
            )
        return RenderResult(attempt_id=order.attempt_id, status=AttemptStatus.CANCELED)


@dataclass
class Script:
    """What renders do; `may_end` holds their last words back."""

    database: Database
    objects: S3Store
    file: Path
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    canceled: list[UUID] = field(default_factory=list)

    @activity.defn(name="admit")
    async def admit(self, order: RenderInput) -> None:
        async with self.database.transaction() as session:
            await attempts.record(session, attempts.queued(order))

    @activity.defn(name="last_words")
    async def last_words(self, order: RenderInput) -> None:
        """A result that comes although nobody wants it any more."""
        self.canceled.append(order.attempt_id)
        await self.may_end.wait()
        await self.objects.put_file(order.output_key, self.file, content_type="image/png")


@dataclass
class Doomed:
    """A job that is to be deleted."""

    client: Client
    database: Database
    objects: S3Store
    script: Script
    job: PhotoJobInput

    @property
    def job_id(self) -> UUID:
        return self.job.job_id

    async def stores(self, *names: str) -> None:
        """Put objects under these keys."""
        for name in names:
            await self.objects.put_file(name, self.script.file, content_type="image/png")

    async def stored(self) -> list[str]:
        """Every key of the job that is in the bucket."""
        found: list[str] = []
        for folder in keys.FOLDERS:
            after = None
            while page := await self.objects.find(folder, after=after, most=1000):
                found += [each.key for each in page if str(self.job_id) in each.key]
                after = page[-1].key
        return found

    async def restores(self) -> UUID:
        """Another attempt, which renders; its row is there."""
        attempt_id = uuid4()
        command = AttemptCommand(
            attempt_id=attempt_id,
            kind=AttemptKind.RESTORE,
            source_key=keys.working(self.job_id),
            graph="restore_classic",
            graph_version="1",
            gpu_class=GpuClass.IMAGE,
            parameters={},
            max_retries=0,
            deadline_seconds=300,
        )
        await TemporalJobs(self.client, patience_seconds=PATIENCE).begin(self.job, command)
        while await self.status(attempt_id) is None:
            await asyncio.sleep(0.02)
        return attempt_id

    async def status(self, attempt_id: UUID) -> AttemptStatus | None:
        async with self.database.transaction() as session:
            return await attempts.status_of(session, attempt_id)

    async def row(self) -> Job | None:
        async with self.database.transaction() as session:
            return await jobs.by_id(session, self.job_id)

    async def mark(self, undo: timedelta = timedelta(0)) -> None:
        """Delete it as the API does."""
        async with self.database.transaction() as session:
            found = await deletion.by_id(session, self.job_id)
            assert found is not None
            await deletion.mark(session, found, undo=undo)

    async def want_back(self) -> bool:
        async with self.database.transaction() as session:
            found = await deletion.by_id(session, self.job_id)
            return found is not None and await deletion.undo(session, found)

    async def age(self, until: timedelta) -> None:
        """Change until when it can be had back: so long from now."""
        moment = func.clock_timestamp() + until
        async with self.database.transaction() as session:
            change = update(Job).where(col(Job.id) == self.job_id).values(undo_until=moment)
            await session.execute(change)

    def commands(self, client: Client | None = None) -> TemporalDeletions:
        return TemporalDeletions(client or self.client, patience_seconds=PATIENCE)

    @property
    def handle(self) -> WorkflowHandle[Any, Erased]:
        """The deletion."""
        return self.client.get_workflow_handle(
            contract.workflow_id(self.job_id), result_type=Erased
        )

    async def ended(self) -> Erased:
        """What the deletion came to."""
        return await asyncio.wait_for(self.handle.result(), PATIENCE)

    async def until_canceled(self, attempt_id: UUID) -> None:
        async with asyncio.timeout(PATIENCE):
            while attempt_id not in self.script.canceled:
                await asyncio.sleep(0.02)

    async def has_history(self, workflow_id: str) -> bool:
        try:
            await self.client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    @asynccontextmanager
    async def working(
        self, interceptors: Sequence[Interceptor] = (), *, patience_seconds: float = PATIENCE
    ) -> AsyncIterator[None]:
        """A worker for jobs and deletions; renders are scripted."""
        erasing = DeletionActivities(
            database=self.database,
            objects=self.objects,
            workflows=TemporalJobWorkflows(self.client),
            orders=TemporalOrders(self.client, patience_seconds=PATIENCE),
            patience_seconds=patience_seconds,
        )
        async with Worker(
            self.client,
            task_queue=queues.CONTROL,
            workflows=[DeleteJob, PhotoJob, Rendering],
            activities=[*erasing.activities(), self.script.admit, self.script.last_words],
            workflow_runner=workflow_runner(),
            workflow_failure_exception_types=[Exception],
            interceptors=interceptors,
            max_heartbeat_throttle_interval=timedelta(seconds=2),
        ):
            yield
            self.script.may_end.set()

    @property
    def photo_job(self) -> str:
        return job_contract.workflow_id(self.job_id)


@pytest.fixture
async def doomed(temporal: Client, database: Database, objects: S3Store, tmp_path: Path) -> Doomed:
    """Somebody's job with a photo and its working copy."""
    file = tmp_path / "picture"
    file.write_bytes(b"a picture")
    job_id = uuid4()
    row = Job(
        id=job_id,
        user_id=uuid4(),
        email="ada@example.org",
        original_key=keys.uploaded(job_id, "jpg"),
        original_media_type="image/jpeg",
        original_sha256="0" * 64,
        original_bytes=9,
        working_key=keys.working(job_id),
        width=4,
        height=3,
    )
    async with database.transaction() as session:
        row.user_id = await users.remember(session, issuer="https://i.test/", subject=str(job_id))
        await jobs.record(session, row)
    this = Doomed(
        client=temporal,
        database=database,
        objects=objects,
        script=Script(database, objects, file),
        job=PhotoJobInput(job_id=job_id, fairness_key="0" * 16),
    )
    await this.stores(keys.uploaded(job_id, "jpg"), keys.working(job_id))
    return this

"""A whole worker in this process over the real services, and somebody with a photo."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from comfy_graphs import complete, load_pack
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.temporal import TemporalJobs
from rekindle.contracts import keys, queues, renders
from rekindle.contracts.jobs import AttemptCommand, PhotoJobInput
from rekindle.contracts.renders import RENDER, Priority, RenderInput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.models import Attempt, Job
from rekindle.settings import Settings
from rekindle.store import attempts, jobs
from rekindle.store.database import Database
from rekindle.wiring.worker import WorkerPorts, open_worker
from tests.services.rows import stored_job
from worker.host import WorkerHost


@pytest.fixture
def settings(
    temporal_server: EmbeddedTemporal,
    postgres_server: EmbeddedPostgres,
    s3_server: EmbeddedS3,
    card_engine: Any,
) -> Settings:
    store = s3_server.address
    key = next(iter(store.keys.values()))
    return Settings(
        _env_file=None,
        database_url=SecretStr(postgres_server.address.url),
        temporal_address=temporal_server.address.address,
        s3_bucket=store.bucket,
        s3_endpoint_url=store.endpoint_url,
        aws_access_key_id=key.access_key,
        aws_secret_access_key=SecretStr(key.secret_key),
        comfyui_url=card_engine.url,
        max_retries=0,
        secret_key=SecretStr("s" * 32),
        auth0_domain="https://issuer.example/",
        default_graph="restore",
    )


@pytest.fixture
async def working(settings: Settings, temporal: Client) -> AsyncIterator[WorkerPorts]:
    """A running worker; what it works through."""
    async with open_worker(settings) as ports, WorkerHost(ports).running():
        yield ports


class Person:
    """Somebody with one photo."""

    def __init__(self, client: Client, objects: S3Store, database: Database) -> None:
        self.job = PhotoJobInput(job_id=uuid4(), fairness_key="0" * 16)
        self.commands = TemporalJobs(client, patience_seconds=60)
        self._client, self._objects, self._database = client, objects, database

    async def uploads(self, tmp_path: Path) -> None:
        photo = tmp_path / "photo.png"
        cv2.imwrite(str(photo), np.full((60, 80, 3), 90, np.uint8))
        working = keys.working(self.job.job_id)
        await self._objects.put_file(working, photo, content_type="image/png")
        async with self._database.transaction() as session:
            await stored_job(session, job_id=self.job.job_id, issuer="i", width=80, height=60)

    async def restores(self, graph: str = "restore", *, max_retries: int = 0, **given: Any) -> UUID:
        pack = load_pack(graph)
        command = AttemptCommand(
            attempt_id=uuid4(),
            kind=AttemptKind.RESTORE,
            source_key=keys.working(self.job.job_id),
            graph=graph,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=complete(pack, {"megapixels": 0.1, **given}, seed=7),
            max_retries=max_retries,
            deadline_seconds=300,
        )
        await self.commands.begin(self.job, command)
        return command.attempt_id

    async def animates(self, source: Attempt, graph: str, **given: Any) -> UUID:
        assert source.master_key is not None
        pack = load_pack(graph)
        command = AttemptCommand(
            attempt_id=uuid4(),
            kind=AttemptKind.ANIMATION,
            source_id=source.id,
            source_key=source.master_key,
            graph=graph,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=complete(pack, given, seed=7),
            max_retries=0,
            deadline_seconds=300,
        )
        await self.commands.begin(self.job, command)
        return command.attempt_id

    async def has_hd_made(self, source: Attempt, graph: str) -> UUID:
        """Starts what an order starts once it is paid."""
        assert source.master_key is not None
        pack, is_clip = load_pack(graph), source.kind == AttemptKind.ANIMATION
        hd_key = (keys.animated_hd if is_clip else keys.restored_hd)(source.job_id, source.stamp)
        wanted = RenderInput(
            job_id=source.job_id,
            attempt_id=uuid4(),
            kind=AttemptKind.HD,
            stamp=source.stamp,
            graph=graph,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=complete(pack, {}, seed=7),
            source_id=source.id,
            source_key=source.master_key,
            output_key=keys.unlabelled(hd_key),
            order_id=uuid4(),
            priority=Priority.PAID,
            fairness_key="0" * 16,
            max_retries=0,
        )
        await self._client.start_workflow(
            RENDER,
            wanted,
            id=renders.workflow_id(wanted.attempt_id),
            task_queue=queues.CONTROL,
        )
        return wanted.attempt_id

    async def sees(self, attempt_id: UUID) -> Attempt:
        """The attempt once it has ended."""
        while True:
            async with self._database.transaction() as session:
                found = await attempts.of_job(session, self.job.job_id, attempt_id)
            if found is not None and AttemptStatus(found.status).is_final:
                return found
            await asyncio.sleep(0.1)

    async def selected(self) -> UUID | None:
        return (await self.looks()).selected_restore_id

    async def latest_animation(self) -> UUID | None:
        return (await self.looks()).latest_animation_id

    async def looks(self) -> Job:
        async with self._database.transaction() as session:
            job = await jobs.of_subject(
                session, self.job.job_id, issuer="i", subject=str(self.job.job_id)
            )
        assert job is not None
        return job


@pytest.fixture
async def customer(
    temporal: Client, objects: S3Store, database: Database, tmp_path: Path
) -> Person:
    """Somebody with a photo, whoever works for them."""
    person = Person(temporal, objects, database)
    await person.uploads(tmp_path)
    return person


@pytest.fixture
def person(customer: Person, working: WorkerPorts) -> Person:
    """Somebody with a photo, and a running worker."""
    return customer

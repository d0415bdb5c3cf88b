"""The API as a page of documentation has it, over the same services and the same SQL. A baseline.

`python -m deploy.bench.bare_api PORT ISSUER SUBJECT` serves it; settings come by the environment.
It has our pool, our server's event loop and parser, and commands workflows as we do. It knows one
user and asks nobody for a token, judges no parameter, signs no address, keeps no limit, no
idempotency key and no log.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import FastAPI, Form, HTTPException, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlmodel import SQLModel

from api.graphs import typical_seconds
from comfy_graphs import complete, load_pack
from deploy.embedded.ports import HOST
from deploy.stack.environment import as_environment
from deploy.stack.services import HttpService
from rekindle.contracts import keys
from rekindle.contracts.jobs import AcceptedAttempt, AttemptCommand, PhotoJobInput, render_input
from rekindle.contracts.renders import Parameters
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.models import Job
from rekindle.settings import Settings
from rekindle.store import attempts, jobs, order_views, standings, users, waiting
from rekindle.wiring.api import ApiPorts, open_api

_HEALTH = "/health"
_PIECE = 256 * 1024


class BareApi(HttpService):
    """A process that serves nothing but those routes."""

    name = "bare_api"
    module = "deploy.bench.bare_api"
    health = _HEALTH

    def __init__(self, data: Path, *, port: int, settings: Settings, subject: str) -> None:
        """Describe the process; nothing runs yet.

        Args:
            settings: of the API that it stands beside.
            subject: the one user.
        """
        super().__init__(data, port=port)
        self._settings = settings
        self._subject = subject

    def _arguments(self) -> Sequence[str]:
        return (str(self.port), self._settings.issuer, self._subject)

    def _variables(self) -> Mapping[str, str]:
        return as_environment(self._settings)


class Wish(BaseModel):
    """What is wanted of a graph."""

    graph: str
    parameters: Parameters = {}


@dataclass(frozen=True)
class BareRoutes:
    """What the routes do."""

    ports: ApiPorts
    issuer: str
    subject: str

    async def job(self, job_id: UUID) -> dict[str, Any]:
        """A job with its attempts and orders."""
        async with self.ports.database.transaction() as session:
            job = await jobs.of_subject(session, job_id, issuer=self.issuer, subject=self.subject)
            if job is None:
                raise HTTPException(404)
            found = await attempts.of_jobs(session, [job_id])
            unfinished = [each.id for each in found if not AttemptStatus(each.status).is_final]
            if unfinished:
                await waiting.of_attempts(session, unfinished, typical_seconds())
            bought = await order_views.of_attempts(session, found)
        orders = [each.order for each in bought]
        return {"job": _plain(job), "attempts": _plainly(found), "orders": _plainly(orders)}

    async def restore(self, job_id: UUID, wish: Wish) -> dict[str, Any]:
        """Start an attempt."""
        async with self.ports.database.transaction() as session:
            found = await standings.job_to_start(
                session, job_id, issuer=self.issuer, subject=self.subject
            )
        if found is None:
            raise HTTPException(404)
        photo_job, command = _job_input(found.job.id), _command(job_id, wish)
        accepted = await self.ports.jobs.begin(photo_job, command)
        render = render_input(photo_job, AcceptedAttempt(command=command, stamp=accepted.stamp))
        async with self.ports.database.transaction() as session:
            await attempts.record(session, attempts.queued(render))
        async with self.ports.database.transaction() as session:
            attempt = await attempts.of_job(session, job_id, command.attempt_id)
            await waiting.of_attempts(session, [command.attempt_id], typical_seconds())
        return {"attempt": _plainly([attempt] if attempt else [])}

    async def upload(self, photo: UploadFile, email: str) -> dict[str, Any]:
        """Make a job of a photo."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "photo")
            await asyncio.to_thread(_save, photo, file)
            row = await self._taken_in(file, email)
        await self.ports.jobs.open(_job_input(row.id))
        async with self.ports.database.transaction() as session:
            await jobs.record(session, row)
            job = await jobs.of_subject(session, row.id, issuer=self.issuer, subject=self.subject)
        return {"job": _plain(job) if job else None}

    async def _taken_in(self, file: Path, email: str) -> Job:
        job_id = uuid4()
        photo = await self.ports.photos.ingest(file, file.parent)
        async with self.ports.database.transaction() as session:
            user_id = await users.remember(session, issuer=self.issuer, subject=self.subject)
        key, media_type = keys.uploaded(job_id, photo.format.extension), photo.format.media_type
        working = photo.working
        put = self.ports.objects.put_file
        await put(key, file, content_type=media_type)
        await put(keys.working(job_id), working.path, content_type=working.media_type)
        return Job(
            id=job_id,
            user_id=user_id,
            email=email,
            original_key=key,
            original_media_type=media_type,
            original_sha256=photo.sha256,
            original_bytes=photo.size_bytes,
            working_key=keys.working(job_id),
            width=working.width,
            height=working.height,
        )


def bare_app(settings: Settings, issuer: str, subject: str) -> FastAPI:
    """The application.

    Args:
        settings: what the API has.
        issuer: of the one user.
        subject: the one user.
    """
    routes: BareRoutes

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        nonlocal routes
        async with open_api(settings) as ports:
            routes = BareRoutes(ports, issuer, subject)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get(_HEALTH)
    async def health() -> JSONResponse:
        return JSONResponse({})

    @app.get("/jobs/{job_id}")
    async def get_job(job_id: UUID, padding: int = 0) -> JSONResponse:
        return JSONResponse({**await routes.job(job_id), "padding": "-" * padding})

    @app.post("/jobs/{job_id}/restore", status_code=202)
    async def restore_photo(job_id: UUID, wish: Wish) -> JSONResponse:
        return JSONResponse(await routes.restore(job_id, wish), 202)

    @app.post("/jobs/upload", status_code=201)
    async def upload_photo(photo: UploadFile, email: Annotated[str, Form()]) -> JSONResponse:
        return JSONResponse(await routes.upload(photo, email), 201)

    return app


def _save(photo: UploadFile, target: Path) -> None:
    with target.open("wb") as copy:
        shutil.copyfileobj(photo.file, copy, _PIECE)


def _plainly(rows: Iterable[SQLModel]) -> list[dict[str, Any]]:
    return [_plain(row) for row in rows]


def _plain(row: SQLModel) -> dict[str, Any]:
    return row.model_dump(mode="json")


def _job_input(job_id: UUID) -> PhotoJobInput:
    return PhotoJobInput(job_id=job_id, fairness_key="0" * 16)


def _command(job_id: UUID, wish: Wish) -> AttemptCommand:
    pack = load_pack(wish.graph)
    return AttemptCommand(
        attempt_id=uuid4(),
        kind=AttemptKind.RESTORE,
        graph=wish.graph,
        graph_version=pack.manifest.version,
        gpu_class=pack.manifest.gpu_class,
        parameters=complete(pack, wish.parameters, seed=uuid4().int % 2**53),
        source_key=keys.working(job_id),
        max_retries=0,
        deadline_seconds=3600,
    )


def main() -> None:
    """Serve until asked to leave."""
    port, issuer, subject = sys.argv[1:]
    uvicorn.run(
        bare_app(Settings(), issuer, subject),
        host=HOST,
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()

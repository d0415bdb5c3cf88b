"""An API process is killed while it makes the job of an upload; another one finishes it."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from rekindle.adapters.s3 import S3Store
from rekindle.contracts import keys
from rekindle.store.database import Database
from tests.services.api.process.test_api_crash import (
    client,
    killed,
    outlive_lease,
    own_jobs,
    silence,
)

pytestmark = pytest.mark.slow


async def sent(http: httpx.AsyncClient, photo: bytes) -> dict[str, Any]:
    """An upload whose photo lies in the bucket."""
    reply = await http.post("/api/v1/uploads", json={"content_type": "image/jpeg"})
    upload: dict[str, Any] = reply.json()
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        form = {"data": upload["fields"], "files": {"file": ("a", photo)}}
        assert (await browser.post(upload["url"], **form)).status_code == 204
    return upload


async def make_job(http: httpx.AsyncClient, upload: dict[str, Any], key: str) -> httpx.Response:
    body = {"upload_id": upload["id"], "email": "ada@example.com"}
    return await http.post("/api/v1/jobs", json=body, headers={"Idempotency-Key": key})


async def test_killed_while_it_made_a_job_of_an_upload_the_same_request_finishes(
    server: Any,
    make_server: Any,
    token: str,
    make_photo: Any,
    database: Database,
    objects: S3Store,
) -> None:
    key, photo = str(uuid4()), make_photo()
    async with client(server, token) as http:
        upload, before = await sent(http, photo), await own_jobs(http)
    async with silence() as (address, reached):
        doomed = make_server(TEMPORAL_ADDRESS=address)
        doomed.start_unready()
        async with client(doomed, token) as http, asyncio.timeout(60):
            request = asyncio.create_task(make_job(http, upload, key))
            await reached.wait()
            await killed(doomed, request)
    await outlive_lease(database)
    async with client(server, token) as http:
        assert await own_jobs(http) == before
        reply = await make_job(http, upload, key)
        assert reply.status_code == 201, reply.text
        job_id = reply.json()["id"]
        assert await own_jobs(http) == before | {job_id}
        again = await make_job(http, upload, str(uuid4()))
        assert (again.status_code, again.json()["code"]) == (409, "upload_already_used")
    assert await objects.head(keys.uploaded(UUID(job_id), "jpg")) is not None
    assert await objects.head(keys.incoming(UUID(upload["id"]))) is None

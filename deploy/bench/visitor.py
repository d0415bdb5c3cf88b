"""Somebody who comes through the door: the HTTP API, with a token."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from api import paths
from deploy.cli.connection import fetch_token
from deploy.stack.note import find_running
from deploy.stack.stack import Stack

EMAIL = "bench@example.com"
_PATIENCE_SECONDS = 120.0
_REPEATS = 30


class Visitor:
    """One signed-in person."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Speak through a client that has the address and the token."""
        self._http = http

    async def uploads(self, photo: Path) -> UUID:
        """Upload a photo and get its job."""
        content = await asyncio.to_thread(photo.read_bytes)
        reply = await self._http.post(
            paths.UPLOAD, data={"email": EMAIL}, files={"photo": (photo.name, content)}
        )
        return _made(reply)

    async def looks_at_graphs(self) -> None:
        """Ask what there is to choose from, as a page does before it offers a choice."""
        (await self._http.get(paths.GRAPHS)).raise_for_status()

    async def restores(self, job_id: UUID, **wish: str | float) -> UUID:
        """Start an attempt.

        Args:
            job_id: of a job of this person.
            wish: graph and parameters; the rest is the API's choice.
        """
        return _made(await self._http.post(paths.restore(job_id), json=wish))

    async def insists_on(self, job_id: UUID, **wish: str | float) -> UUID:
        """Start an attempt, one in all, and come back as often as a busy API asks for it.

        Args:
            job_id: of a job of this person.
            wish: graph and parameters.
        """
        headers = {"Idempotency-Key": str(uuid4())}
        for _ in range(_REPEATS):
            reply = await self._http.post(paths.restore(job_id), json=wish, headers=headers)
            if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(reply.headers.get("Retry-After", 1)))
        return _made(reply)


def bearer(stack: Stack) -> str:
    """A fresh access token of the developer of a running stack."""
    running = find_running(stack.data)
    if running is None:
        raise RuntimeError(f"no stack runs in {stack.data}")
    return fetch_token(running)


@asynccontextmanager
async def visitor_of(stack: Stack) -> AsyncIterator[Visitor]:
    """The developer at the API of a running stack."""
    async with httpx.AsyncClient(
        base_url=stack.addresses.api,
        headers={"Authorization": f"Bearer {await asyncio.to_thread(bearer, stack)}"},
        timeout=_PATIENCE_SECONDS,
    ) as http:
        yield Visitor(http)


def _made(reply: httpx.Response) -> UUID:
    if not reply.is_success:
        raise RuntimeError(f"the API answered {reply.status_code}: {reply.text}")
    return UUID(reply.json()["id"])

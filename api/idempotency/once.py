"""A route's handler, carried out once for each key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.idempotency.claims import KeyClaim
from api.idempotency.fingerprints import Fingerprinted
from api.idempotency.headers import REPLAYED, key_in, scope_of
from api.idempotency.keys import IdempotencyKeys
from api.problems.handlers import answer_to
from rekindle.errors import DatabaseUnavailable
from rekindle.store.idempotency import StoredReply

_LOG = structlog.get_logger(__name__)

_KEPT_HEADERS = ("content-type", "location")
_TOO_MANY_REQUESTS = 429

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def keep_no_reply(request: Request) -> None:
    """Have the reply to this request not kept: it holds a secret, or will soon be another one.

    Sent again under its key, the request is carried out again: the route finds what it has made.
    """
    request.state.keeps_no_reply = True


def carried_out_once(handle: Handle, fingerprinted: Fingerprinted) -> Handle:
    """The handler of a POST, which answers a repeated key with the first reply.

    Without a key nothing changes. Replies that may turn out better next time (5xx, 429) are not
    kept: the same request may be sent again under its key, and another one still may not.

    Args:
        handle: the handler; the caller is known by then.
        fingerprinted: says what was sent.
    """

    async def once(request: Request) -> Response:
        key = key_in(request.headers)
        if key is None:
            return await handle(request)
        keys: IdempotencyKeys = request.app.state.idempotency
        scope = scope_of(request, request.state.principal, key)
        async with fingerprinted(request) as fingerprint:
            claim = await keys.claim(scope, fingerprint)
            if isinstance(claim, StoredReply):
                return _replayed(claim)
            request.state.claim = claim
            async with _alive(claim):
                reply = await _reply(request, handle)
            await _finish(claim, reply, keys, kept=_is_worth_keeping(request, reply))
        return reply

    return once


async def _reply(request: Request, handle: Handle) -> Response:
    """The answer, also where it is told as an exception."""
    try:
        return await handle(request)
    except Exception as error:
        answer = await answer_to(request, error)
        if answer is None:
            raise
        return answer


@asynccontextmanager
async def _alive(claim: KeyClaim) -> AsyncIterator[None]:
    """Renew a claim for as long as its request is carried out; give it back when that fails."""
    try:
        async with _renewed(claim):
            yield
    except BaseException:
        await asyncio.shield(_or_lapse(claim.release()))
        raise


@asynccontextmanager
async def _renewed(claim: KeyClaim) -> AsyncIterator[None]:
    renewing = asyncio.create_task(_renew(claim), name="renew an idempotency key")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])


async def _renew(claim: KeyClaim) -> None:
    """Never asked for by a request that is quicker than a third of the lease."""
    while True:
        await asyncio.sleep(claim.lease.total_seconds() / 3)
        await _or_lapse(claim.renew())


def _is_worth_keeping(request: Request, reply: Response) -> bool:
    if getattr(request.state, "keeps_no_reply", False):
        return False
    return reply.status_code < 500 and reply.status_code != _TOO_MANY_REQUESTS


async def _finish(claim: KeyClaim, reply: Response, keys: IdempotencyKeys, *, kept: bool) -> None:
    """Keep the reply before it is sent, or give the key back."""
    if not kept:
        await _or_lapse(claim.release())
        return
    headers = {name: reply.headers[name] for name in _KEPT_HEADERS if name in reply.headers}
    await _or_lapse(claim.answer(StoredReply(reply.status_code, headers, bytes(reply.body))))
    await _or_lapse(keys.sweep_when_due())


async def _or_lapse(change: Awaitable[object]) -> None:
    """Without the database a claim runs out by itself, and the next try finds what this made."""
    try:
        await change
    except DatabaseUnavailable as error:
        _LOG.warning("an idempotency key could not be written", why=str(error))


def _replayed(stored: StoredReply) -> Response:
    return Response(stored.body, stored.status, {**stored.headers, REPLAYED: "true"})

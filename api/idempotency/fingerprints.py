"""What was sent, in 64 hex digits: two requests with the same ones ask for the same."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from api.uploads import received_form

_PIECE = 256 * 1024

Fingerprinted = Callable[[Request], AbstractAsyncContextManager[str]]
"""Reads a request's body and says what it is; the request can be read again inside."""


@asynccontextmanager
async def fingerprinted_body(request: Request) -> AsyncIterator[str]:
    """For bodies that are small enough to be held in memory."""
    sent = request.url.query.encode() + b"\n" + await request.body()
    yield hashlib.sha256(sent).hexdigest()


@asynccontextmanager
async def fingerprinted_form(request: Request) -> AsyncIterator[str]:
    """For forms: fields and the content of files.

    Never the raw bytes: every client draws new boundaries. Names and types of files are what the
    client's machine makes of them, and mean nothing to us either.
    """
    async with received_form(request) as form:
        yield await asyncio.to_thread(_form_fingerprint, form, request.url.query)


def _form_fingerprint(form: FormData, query: str) -> str:
    fields = sorted((name, *_content(value)) for name, value in form.multi_items())
    return hashlib.sha256(json.dumps([query, fields]).encode()).hexdigest()


def _content(value: str | UploadFile) -> tuple[str, str]:
    if isinstance(value, str):
        return "text", value
    digest = hashlib.sha256()
    while piece := value.file.read(_PIECE):
        digest.update(piece)
    value.file.seek(0)
    return "file", digest.hexdigest()

"""A request's body, bounded in size and in patience, in pieces."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

from rekindle.errors import RequestStalled, RequestTooLarge

_PAUSE_SECONDS = 30.0


async def bounded(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives. What is refused is read by nobody and kept nowhere.

    Args:
        request: whose body.
        max_bytes: with a declared length the refusal comes before the first piece.

    Raises:
        RequestTooLarge: it is longer.
        RequestStalled: nothing came for 30 s.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise RequestTooLarge
    received = 0
    pieces = request.stream()
    while True:
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                piece = await anext(pieces, None)
        except TimeoutError as error:
            raise RequestStalled(f"nothing for {_PAUSE_SECONDS} s") from error
        if piece is None:
            return
        received += len(piece)
        if received > max_bytes:
            raise RequestTooLarge
        yield piece


async def whole(request: Request, max_bytes: int) -> bytes:
    """The whole of a small body. Raises as `bounded` does."""
    return b"".join([piece async for piece in bounded(request, max_bytes)])

"""Repeating what may be repeated when a server does not answer for a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from rekindle.errors import ComfyUnavailable

_LOG = structlog.get_logger(__name__)
_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between the tries: long enough for a broken connection or a restarted proxy."""

T = TypeVar("T")


async def again(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """Make an idempotent call, and repeat it for a few seconds while the server is unavailable.

    Args:
        what: a name for the log.
        call: makes the call anew each time.

    Raises:
        ComfyUnavailable: the last try failed too.
    """
    for pause in _PAUSES:
        try:
            return await call()
        except ComfyUnavailable as error:
            _LOG.info("comfy_call_repeated", call=what, why=str(error))
            await asyncio.sleep(pause)
    return await call()

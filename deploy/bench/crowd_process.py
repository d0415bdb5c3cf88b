"""A crowd of listeners in a process of their own: `python -m deploy.bench.crowd_process`.

One line of JSON on stdin says whom to follow. `ready` comes when everybody listens; the next line
ends it, and when each event came is written as JSON.
"""

import asyncio
import json
import resource
import sys
from contextlib import AsyncExitStack
from typing import TypedDict

import uvloop

from deploy.bench.listeners import Listener, listeners

_AT_ONCE = 50
"""Streams that are opened at the same time."""


class CrowdOrder(TypedDict):
    """Whom to follow: a path for each listener."""

    api: str
    token: str
    paths: list[str]


async def run(order: CrowdOrder) -> list[list[float]]:
    """When each listener's events came, `time.monotonic()`, until there is a line on stdin."""
    heard: list[list[float]] = [[] for _ in order["paths"]]
    async with AsyncExitStack() as stack:
        following = []
        for start in range(0, len(heard), _AT_ONCE):
            wave = [
                stack.enter_async_context(listeners(order["api"], path, order["token"], 1))
                for path in order["paths"][start : start + _AT_ONCE]
            ]
            following += [opened for [opened] in await asyncio.gather(*wave)]
        tasks = [
            asyncio.create_task(_note(listener, times))
            for listener, times in zip(following, heard, strict=True)
        ]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()  # raises: a stream ended
    return heard


async def _note(listener: Listener, times: list[float]) -> None:
    while True:
        times.append(await listener.hears())


def main() -> None:
    """Follow, and tell."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    json.dump(uvloop.run(run(json.loads(sys.stdin.readline()))), sys.stdout)


if __name__ == "__main__":
    main()

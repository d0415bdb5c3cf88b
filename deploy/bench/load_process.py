"""Clients in a process of their own: `python -m deploy.bench.load_process`, asked on stdin.

Each connection has one request under way at any time. It knows just enough HTTP to time answers: a
full client would take more time than what it measures, and both sides of a ratio would carry that.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import TypedDict

import uvloop

_PIECE = 256 * 1024
_PATIENCE_SECONDS = 300.0


class RequestOrder(TypedDict):
    """One request.

    The body stands around a file, if there is one; the length is in `head`.
    """

    head: str
    before: str
    file: str | None
    after: str


class LoadOrder(TypedDict):
    """What to send; requests take turns.

    `count` or `seconds` ends it: whatever was begun by then is finished. `accepted` are statuses.
    """

    host: str
    port: int
    connections: int
    count: int | None
    seconds: float | None
    accepted: list[int]
    requests: list[RequestOrder]


class LoadReport(TypedDict):
    """Seconds of each accepted request, and how many others there were by status."""

    seconds: list[float]
    refused: dict[str, int]


class _Clients:
    """The connections of one order."""

    def __init__(self, order: LoadOrder) -> None:
        self._order = order
        self._bodies = [_body(request) for request in order["requests"]]
        turns = cycle(range(len(self._bodies)))
        self._turns: Iterator[int] = (
            turns if order["count"] is None else islice(turns, order["count"])
        )
        self._until = time.perf_counter() + (order["seconds"] or _PATIENCE_SECONDS)
        self.report: LoadReport = {"seconds": [], "refused": {}}

    async def run(self) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            for _ in range(self._order["connections"]):
                group.create_task(self._lane())

    async def _lane(self) -> None:
        reader, writer = await self._open()
        for turn in self._turns:
            if time.perf_counter() > self._until:
                break
            began = time.perf_counter()
            for piece in self._bodies[turn]:
                writer.write(piece)
                await writer.drain()
            status, closes = await _answered(reader)
            self._note(status, time.perf_counter() - began)
            if closes:
                writer.close()
                reader, writer = await self._open()
        writer.close()
        await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._order["host"], self._order["port"])

    def _note(self, status: int, seconds: float) -> None:
        if status in self._order["accepted"]:
            self.report["seconds"].append(seconds)
        else:
            refused = self.report["refused"]
            refused[str(status)] = refused.get(str(status), 0) + 1


def _body(request: RequestOrder) -> list[memoryview]:
    """A whole request in pieces."""
    before = memoryview((request["head"] + request["before"]).encode())
    after = memoryview(request["after"].encode())
    return [piece for piece in (before, *_pieces(request["file"]), after) if piece]


@cache
def _pieces(file: str | None) -> list[memoryview]:
    """What is in a file; once in memory, however many send it."""
    whole = memoryview(Path(file).read_bytes() if file else b"")
    return [whole[start : start + _PIECE] for start in range(0, len(whole), _PIECE)]


async def _answered(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Status of an answer that has come whole, and whether its connection ends."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    before, named, after = head.partition(b"\r\ncontent-length:")
    if named:
        await reader.readexactly(int(after.partition(b"\r\n")[0]))
    return status, b"\r\nconnection: close" in before + named + after


def main() -> None:
    """Carry out the order on stdin; the report goes to stdout."""
    clients = _Clients(json.load(sys.stdin))
    uvloop.run(clients.run())
    json.dump(clients.report, sys.stdout)


if __name__ == "__main__":
    main()

"""Following a prompt when the websocket, which only hints, lets us down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from activities import follow
from rekindle.errors import GraphStalled
from rekindle.ports.comfy import Comfy, PromptEnd, PromptStatus, Whereabouts

END = PromptEnd(succeeded=True, interrupted=False, files=(), engine_seconds=1.0)


class Clock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Breaking:
    """A server that runs a prompt until `looks` are used up, and whose sockets break at once."""

    def __init__(self, clock: Clock, *, moves: bool, looks: int) -> None:
        self._clock, self._moves, self._looks = clock, moves, looks
        self.cancelled = False

    @asynccontextmanager
    async def listen(self, _client_id: str) -> AsyncIterator["Breaking"]:
        yield self

    async def fractions(self, _prompt_id: UUID, _graph: Any) -> AsyncIterator[float]:
        yield self._clock.now / 100 if self._moves else 0.0

    async def status(self, _prompt_id: UUID, *, has_ended: bool = False) -> PromptStatus:
        self._looks -= 1
        self._clock.now += 6.0
        if self._looks < 0:
            return PromptStatus(Whereabouts.ENDED, END)
        return PromptStatus(Whereabouts.RUNNING)

    async def cancel(self, _prompt_id: UUID) -> None:
        self.cancelled = True

    async def tick(self, _fraction: float, _waits: bool) -> None:
        await asyncio.sleep(0)


async def until_ended(server: Any, clock: Clock, *, stall_seconds: float = 60.0) -> PromptEnd:
    following = follow.Follow(
        comfy=cast(Comfy, server),
        prompt_id=uuid4(),
        graph={},
        stall_seconds=stall_seconds,
        leaving=asyncio.Event(),
        on_tick=server.tick,
        clock=clock,
    )
    return await following.until_ended(submit=False)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(follow, "RELISTEN_SECONDS", 0.001)


async def test_prompt_whose_websocket_breaks_is_heard_over_another_one() -> None:
    clock = Clock()
    server = Breaking(clock, moves=True, looks=8)
    assert await until_ended(server, clock, stall_seconds=10.0) is END
    assert not server.cancelled


async def test_prompt_that_says_nothing_over_any_websocket_has_stalled() -> None:
    clock = Clock()
    server = Breaking(clock, moves=False, looks=8)
    with pytest.raises(GraphStalled):
        await until_ended(server, clock, stall_seconds=10.0)
    assert server.cancelled


class Crowded:
    """A server that has a prompt wait for six seconds, then runs it for two."""

    def __init__(self, clock: Clock) -> None:
        self.told: list[tuple[float, bool]] = []
        self._clock = clock

    @asynccontextmanager
    async def listen(self, _client_id: str) -> AsyncIterator["Crowded"]:
        yield self

    async def fractions(self, _prompt_id: UUID, _graph: Any) -> AsyncIterator[float]:
        for _ in ():
            yield 0.0

    async def status(self, _prompt_id: UUID, *, has_ended: bool = False) -> PromptStatus:
        if self._clock.now >= 8:
            return PromptStatus(Whereabouts.ENDED, END)
        waits = self._clock.now < 6
        return PromptStatus(Whereabouts.PENDING if waits else Whereabouts.RUNNING)

    async def tick(self, _fraction: float, waits: bool) -> None:
        self.told.append((self._clock.now, waits))
        self._clock.now += 1.0


async def test_prompt_that_stands_in_line_for_long_is_said_to_wait_until_it_runs() -> None:
    clock = Clock()
    server = Crowded(clock)
    assert await until_ended(server, clock) is END
    waited = [moment for moment, waits in server.told if waits]
    assert waited == [3.0, 4.0, 5.0]
    assert server.told[-1] == (7.0, False)


class Telling:
    """A server that runs a prompt for ten seconds, and whose socket says when that is over."""

    def __init__(self, clock: Clock) -> None:
        self.looks = 0
        self._clock = clock
        self._over = asyncio.Event()

    @asynccontextmanager
    async def listen(self, _client_id: str) -> AsyncIterator["Telling"]:
        yield self

    async def fractions(self, _prompt_id: UUID, _graph: Any) -> AsyncIterator[float]:
        yield 0.0
        await self._over.wait()

    async def status(self, _prompt_id: UUID, *, has_ended: bool = False) -> PromptStatus:
        self.looks += 1
        over = self._over.is_set()
        return PromptStatus(Whereabouts.ENDED, END) if over else PromptStatus(Whereabouts.RUNNING)

    async def tick(self, _fraction: float, _waits: bool) -> None:
        self._clock.now += 0.5
        if self._clock.now >= 10:
            self._over.set()


async def test_prompt_whose_websocket_is_open_is_looked_at_now_and_then() -> None:
    clock = Clock()
    server = Telling(clock)
    assert await until_ended(server, clock) is END
    assert clock.now <= 10 + follow.LISTENING_SECONDS
    assert server.looks <= 4  # one each five seconds, one before it is known to run, the last

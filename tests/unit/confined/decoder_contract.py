"""What holds for every decoder that has its files read by children, whatever it reads.

Small programs stand in the place of what a child does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rekindle.errors import DecoderBusy, PlatformError

START = """
import json, os, signal, sys
[order] = json.loads(sys.argv[1]).values()
print("ready", flush=True)
"""
HANG = "signal.pause()"

Children = Callable[[], list[int]]
Read = Callable[..., Callable[[], Awaitable[object]]]
"""Of a small program and limits: what has a file read into `into`, again and again."""


async def until_ready(into: Path) -> None:
    """Wait until a child has said that it is about to touch its file."""
    while not any(room.joinpath("printed").stat().st_size for room in into.glob(".decoding-*")):
        await asyncio.sleep(0.005)


class DecoderContract:
    """Its fixture `reading` is a `Read`.

    Attributes:
        unreadable: what a file that cannot be read is.
        too_slow: what is said of one that takes too long.
        output: in an order, one of the files to be written.
    """

    unreadable: type[Exception]
    too_slow: str
    output: str

    async def test_child_that_takes_too_long_is_killed(
        self, reading: Read, into: Path, children: Children
    ) -> None:
        with pytest.raises(self.unreadable, match=self.too_slow):
            await reading(START + HANG, timeout_seconds=1)()
        assert children() == []
        assert list(into.iterdir()) == []

    @pytest.mark.parametrize(
        "text",
        ["import no_such_module", START + "print(json.dumps({'failed': 'OSError(28)'}))"],
        ids=["does not start", "cannot write"],
    )
    async def test_what_is_our_fault_is_not_the_files(
        self, reading: Read, into: Path, text: str
    ) -> None:
        with pytest.raises(PlatformError) as failed:
            await reading(text)()
        assert not isinstance(failed.value, self.unreadable)
        assert list(into.iterdir()) == []

    async def test_cancelling_kills_the_child_and_removes_its_files(
        self, reading: Read, into: Path, children: Children
    ) -> None:
        half = f'open(order["{self.output}"], "wb").write(b"half")\n'
        task = asyncio.ensure_future(reading(START + half + HANG)())
        await until_ready(into)
        assert len(children()) == 1

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert children() == []
        assert list(into.iterdir()) == []

    async def test_a_file_that_finds_no_turn_in_time_is_told_to_come_back(
        self, reading: Read, into: Path, children: Children
    ) -> None:
        read = reading(START + HANG, children=1, queue_seconds=0.05)
        first = asyncio.ensure_future(read())
        await until_ready(into)

        with pytest.raises(DecoderBusy):
            await read()

        assert len(children()) == 1
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

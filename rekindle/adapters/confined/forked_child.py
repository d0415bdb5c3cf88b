"""A child that a template forks, as this process sees it: watched and killed by its pidfd."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from rekindle.errors import DependencyUnavailable

_FORK_SECONDS = 10
"""Longest wait for a child that is no longer wanted."""


class ForkedChild:
    """One child from its order to its end. Leaving the context without waiting kills it."""

    def __init__(
        self, line: socket.socket, *, retire: Callable[[], None], complaint: Callable[[], str]
    ) -> None:
        """Take the line over.

        Args:
            line: where the template answers; see `child.template.serve`.
            retire: tells that the template is to be used no longer.
            complaint: what the template said when it failed.
        """
        line.setblocking(False)
        self._line = line
        self._retire = retire
        self._complaint = complaint
        self._pidfd: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._line.close()
        if self._pidfd is not None:
            os.close(self._pidfd)

    async def exit_code(self) -> int:
        """Wait for its end; negative: the signal that ended it.

        Raises:
            DependencyUnavailable: the template ended before, and the child with it.
        """
        await _readable(await self._forked())
        await _readable(self._line.fileno())
        text = self._line.recv(16)
        if not text:
            raise self._template_ended()
        code = int(text)
        if code < 0:
            # Whoever tries addresses out learns nothing about those of the next child.
            self._retire()
        return code

    async def kill(self) -> None:
        """Kill it, and wait until it is gone; harmless when it has ended already."""
        try:
            async with asyncio.timeout(_FORK_SECONDS):
                pidfd = await self._forked()
        except TimeoutError:
            self._retire()  # once it sees the line closed, it will kill what it may fork yet
        except DependencyUnavailable:
            pass  # then no child was forked, or it has died with the template
        else:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            await _readable(pidfd)

    async def _forked(self) -> int:
        """The child's pidfd, as soon as there is one."""
        if self._pidfd is None:
            await _readable(self._line.fileno())
            _, files, _, _ = socket.recv_fds(self._line, 1, 1, socket.MSG_CMSG_CLOEXEC)
            if not files:
                raise self._template_ended()
            [self._pidfd] = files
        return self._pidfd

    def _template_ended(self) -> DependencyUnavailable:
        return DependencyUnavailable(f"decoder's template: {self._complaint()}")


async def _readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(file, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)

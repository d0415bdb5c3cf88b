"""A Temporal worker that always gets away."""

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Any

import structlog
import temporalio.worker

_LOG = structlog.get_logger(__name__)
PATIENCE = timedelta(seconds=15)
"""Completions need a moment to be sent."""


class Worker(temporalio.worker.Worker):
    """Polls for tasks inside `async with`, and leaves at the end of it in bounded time.

    The SDK's own waits for ever when the completion of an activity, or a long poll, gets lost
    between its parts (temporalio/sdk-rust#1537, temporalio/sdk-python#1837): a deploy would hang
    until it is killed. Here the rest is left behind, which the server notices by its time-outs.
    """

    def __init__(self, *args: Any, patience: timedelta = PATIENCE, **options: Any) -> None:
        """Describe the worker; nothing polls yet.

        Args:
            args: as the SDK's own worker takes them.
            patience: how long to wait at the end, beyond the grace that activities have.
            options: likewise.
        """
        super().__init__(*args, **options)
        self._patience = patience

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Stop polling; wait for what runs, but not for ever. Raises the worker's fatal error."""
        grace: timedelta = self.config(active_config=True).get(
            "graceful_shutdown_timeout", timedelta()
        )
        try:
            async with asyncio.timeout((grace + self._patience).total_seconds()):
                await super().__aexit__(exc_type, exc, traceback)
        except TimeoutError:
            _LOG.error("worker_left_behind", task_queue=self.task_queue)

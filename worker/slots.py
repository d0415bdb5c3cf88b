"""Temporal's slot supplier over `PodSeats`: a slot on a GPU task queue is room on a GPU."""

import asyncio

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

from worker.seats import PodSeats


class GpuSlotSupplier(CustomSlotSupplier):
    """Lets the worker poll a GPU task queue only while an attached pod has room."""

    def __init__(self, seats: PodSeats, loop: asyncio.AbstractEventLoop) -> None:
        """Count on `seats`, whose methods belong to `loop`."""
        self._seats = seats
        self._loop = loop

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """Wait for room on some pod."""
        del ctx
        await self._seats.promise()
        return SlotPermit()

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """Never: eager execution would bypass priorities."""
        del ctx
        return None

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Nothing to note: the activity claims its seat itself."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """A poll without a task gives its promise back. Called on a foreign thread."""
        done = self._seats.withdraw if ctx.slot_info is None else self._seats.ended
        self._loop.call_soon_threadsafe(done)

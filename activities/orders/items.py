"""The photos of an order over several: what became of their HD, as their attempts tell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rekindle.contracts.orders import HdState, hd_item_attempt_id
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import DeadlineExceeded
from rekindle.models import Attempt, OrderItem
from rekindle.store import attempts, order_items
from rekindle.store.database import Database
from rekindle.store.order_items import ItemHd

_STATES = {
    AttemptStatus.SUCCEEDED: HdState.READY,
    AttemptStatus.FAILED: HdState.FAILED,
    AttemptStatus.CANCELED: HdState.FAILED,
}


@dataclass(frozen=True)
class KnownItem:
    """A photo of an order, and the attempt that makes its HD."""

    item: OrderItem
    hd: Attempt | None

    @property
    def has_ended(self) -> bool:
        """Whether its HD is ready, or failed for good."""
        return self.item.hd in (HdState.READY, HdState.FAILED)

    @property
    def is_begun(self) -> bool:
        """Whether somebody is at it.

        A row alone is no beginning: whoever wrote it may have been stopped there.
        """
        return self.hd is not None and self.hd.status != AttemptStatus.QUEUED


def hd_state(hd: Attempt) -> HdState:
    """What became of HD, as its attempt tells."""
    return _STATES.get(AttemptStatus(hd.status), HdState.RENDERING)


async def close_lost(session: AsyncSession, hd: Attempt) -> None:
    """Give HD up whose render must have died. Idempotent."""
    await attempts.close(
        session,
        hd.id,
        AttemptStatus.FAILED,
        error_code=DeadlineExceeded.code,
        error_message=DeadlineExceeded().sentence,
    )


class ItemReader:
    """Reads the items of an order after they have learnt what became of their HD attempts.

    An attempt is closed in a transaction of its own, and before the order is locked: it waits for
    the turn of its job, and whoever has that may wait for the order.
    """

    def __init__(self, database: Database, *, is_lost: Callable[[Attempt], bool]) -> None:
        """Read from there.

        Args:
            is_lost: whether HD is given up.
        """
        self._database = database
        self._is_lost = is_lost

    async def read(self, order_id: UUID) -> tuple[KnownItem, ...]:
        """The items as they are now. Idempotent."""
        for each in await _found(self._database, order_id):
            if each.hd is not None and self._is_lost(each.hd):
                async with self._database.transaction() as session:
                    await close_lost(session, each.hd)
        await learn(self._database, order_id)
        return tuple(await _found(self._database, order_id))


async def learn(database: Database, order_id: UUID) -> None:
    """Let the items of an order know what became of their HD attempts. Idempotent."""
    ends = {
        each.item.number: ItemHd(hd_state(each.hd), each.hd.error_code, each.hd.master_key)
        for each in await _found(database, order_id)
        if each.hd is not None and not each.has_ended
    }
    async with database.transaction() as session:
        await order_items.note(session, order_id, ends)


async def _found(database: Database, order_id: UUID) -> Sequence[KnownItem]:
    async with database.transaction() as session:
        items = (await order_items.of_orders(session, [order_id]))[order_id]
        ids = {each.number: hd_item_attempt_id(order_id, each.number) for each in items}
        found = await attempts.by_ids(session, ids.values())
        return [KnownItem(each, found.get(ids[each.number])) for each in items]

"""The activities of `HdOrder`."""

from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity

from activities.beating import beating
from activities.failures import as_failures
from activities.orders.checkout import CheckoutDesk
from activities.orders.facts import OrderReader
from activities.orders.hd import HdPlanner
from activities.orders.reconciling import Reconciler, Seen
from activities.orders.terms import OrderTerms
from rekindle.contracts.orders import (
    Checkout,
    HdState,
    ItemRenders,
    OrderItems,
    OrderLook,
    OrderRef,
)
from rekindle.contracts.renders import RenderInput
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import PaymentsDisabled
from rekindle.ports.payments import Payments
from rekindle.rules.orders import look_after
from rekindle.store.database import Database


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


class OrderActivities:
    """What an order's workflow has done for it."""

    def __init__(
        self,
        *,
        database: Database,
        payments: Payments | None,
        terms: OrderTerms,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Work through these ports.

        Args:
            payments: None where nothing can be bought.
            now: the present, by the provider's clock.
        """
        self._now = now
        self._planner = HdPlanner(database=database, terms=terms)
        self._reconciler, self._desk = None, None
        if payments is not None:
            reader = OrderReader(
                database=database, payments=payments, deadline=terms.deadline, now=now
            )
            self._reconciler = Reconciler(
                database=database, payments=payments, reader=reader, now=now
            )
            self._desk = CheckoutDesk(
                database=database,
                payments=payments,
                reconciler=self._reconciler,
                terms=terms,
                now=now,
            )

    @activity.defn
    async def open_checkout(self, ref: OrderRef) -> Checkout:
        """An order's checkout page. Idempotent; see `CheckoutDesk.open`."""
        with as_failures():
            if self._desk is None:
                raise PaymentsDisabled
            async with beating():
                return await self._desk.open(ref.order_id)

    @activity.defn
    async def reconcile_order(self, ref: OrderRef) -> OrderLook:
        """Look at the payment provider and do what follows. Idempotent; see `Reconciler.look`."""
        with as_failures():
            if self._reconciler is None:
                raise PaymentsDisabled
            async with beating():
                seen = await self._reconciler.look(ref.order_id)
            return self._told(seen)

    @activity.defn
    async def prepare_hd(self, ref: OrderRef) -> RenderInput | None:
        """What an order's HD is made of. Idempotent; see `HdPlanner.plan`."""
        with as_failures():
            return await self._planner.plan(ref.order_id)

    @activity.defn
    async def prepare_items(self, items: OrderItems) -> ItemRenders:
        """What the HD of some photos of an order is made of; see `HdPlanner.plan_items`."""
        with as_failures():
            async with beating():
                return await self._planner.plan_items(items.order_id, items.numbers)

    def _told(self, seen: Seen) -> OrderLook:
        known, outcome = seen.known, seen.outcome
        unfinished = [each for each in known.items if not each.has_ended]
        pause = look_after(
            outcome.status,
            now=self._now(),
            expires_at=known.order.expires_at,
            changed_at=known.order.updated_at,
        )
        return OrderLook(
            status=outcome.status,
            hd=HdState(known.order.hd),
            # A row alone is no beginning: whoever wrote it may have been stopped there.
            must_render=outcome.must_render
            and not known.items
            and (known.hd is None or known.hd.status == AttemptStatus.QUEUED),
            is_settled=outcome.is_settled,
            look_after_seconds=pause.total_seconds(),
            needs_operator=outcome.needs_operator,
            items=len(known.items),
            owed=tuple(each.item.number for each in unfinished if not each.is_begun)
            if outcome.must_render
            else (),
            under_way=tuple(each.item.number for each in unfinished if each.hd is not None),
        )

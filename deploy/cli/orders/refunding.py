"""What giving money back comes to, and writing it down; the order's workflow does the rest."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from deploy.cli.failures import RefundImpossible
from deploy.cli.orders.describing import NoSuchOrder, money
from rekindle.contracts.orders import RefundReason
from rekindle.contracts.payments import DisputeStatus
from rekindle.models import Order
from rekindle.ports.payments import PaymentFacts, Payments
from rekindle.rules.orders import OrderState, reconcile
from rekindle.rules.refunds import Ledger
from rekindle.store import orders, outcomes, refunds
from rekindle.store.database import Database
from rekindle.telemetry import scrub


@dataclass(frozen=True)
class Plan:
    """A refund that could be made.

    Attributes:
        version: of the order when this was found out.
        amount: that goes back, in the smallest unit.
        left: that is kept of the payment until then.
        is_whole: whether the order ends by it.
        must_ask: whether its row is written now: the order asks by itself for all that is left,
            unless that failed too often.
        reason: an operator's will, unless it is owed anyway.
        item: number of the photo whose share is owed, and is this.
    """

    order_id: UUID
    version: int
    payment_id: str
    amount: int
    left: int
    currency: str
    is_whole: bool
    must_ask: bool
    reason: RefundReason = RefundReason.OPERATOR
    item: int | None = None


async def plan(database: Database, payments: Payments, order_id: UUID, amount: int | None) -> Plan:
    """What a refund comes to; changes nothing.

    A part that is as large as what failed too often, such as the share of a photo, is that.

    Args:
        amount: a part, in the smallest unit; None, or all that is left, is the whole.

    Raises:
        NoSuchOrder: there is no such order.
        RefundImpossible: nothing was paid or is left of it, the order is over, its payment is
            contested, or the part is larger than what is left.
    """
    async with database.transaction() as session:
        order = await orders.by_id(session, order_id)
        if order is None:
            raise NoSuchOrder(order_id)
        state = await outcomes.state(session, order)
        payment_ids = await outcomes.payment_ids(session, order)
    facts = await payments.facts(order_id, session_ids=order.session_ids, payment_ids=payment_ids)
    if any(each.status is DisputeStatus.OPEN for each in facts.disputes):
        raise RefundImpossible(
            "dispute_open",
            "A payment of the order is contested: nothing is given back until that is over, since "
            "the bank may take it as well.",
        )
    return _planned(order, state, facts, amount)


def _planned(order: Order, state: OrderState, facts: PaymentFacts, amount: int | None) -> Plan:
    owed = [
        each
        for each in reconcile(state, facts, datetime.now(UTC)).stuck
        if each.payment_id == order.payment_id
    ]
    if order.closed_at is not None and (not owed or amount is not None):
        raise RefundImpossible(
            "order_over",
            f"The order is over ({order.status}): whatever was paid on it goes back by itself. "
            f"`rekindle orders wake {order.id}` looks again.",
        )
    found = [each for each in facts.payments if each.payment_id == order.payment_id]
    lost = {each.payment_id for each in facts.disputes if each.status is DisputeStatus.LOST}
    ledger = Ledger.read(facts.payments, facts.refunds, state.refunds, lost=lost)
    left = sum(ledger.left(each) for each in found if each.payment_id not in lost)
    if order.payment_id is None or left <= 0:
        raise RefundImpossible(
            "nothing_to_refund",
            f"Nothing is kept of what was paid on the order ({order.status}); if somebody paid "
            f"just now, `rekindle orders wake {order.id}` lets the order see it.",
        )
    if amount is not None and amount > left:
        raise RefundImpossible(
            "too_much", f"Only {money(left, order.currency)} is left to give back."
        )
    back = left if amount is None else amount
    this = next((each for each in owed if each.amount == back), None)
    return Plan(
        order_id=order.id,
        version=order.version,
        payment_id=order.payment_id,
        amount=back,
        left=left,
        currency=order.currency,
        is_whole=back == left,
        must_ask=back < left or any(ledger.is_stuck(each) for each in found),
        reason=this.reason if this else RefundReason.OPERATOR,
        item=this.item if this else None,
    )


async def write(database: Database, plan: Plan, reason: str) -> None:
    """Write a planned refund down, so that the order's next look carries it out.

    Args:
        reason: an operator's words, for the log alone.

    Raises:
        RefundImpossible: the order has changed since it was planned; nothing was written.
    """
    async with database.transaction() as session:
        order = await orders.lock(session, plan.order_id)
        if order is None or order.version != plan.version:
            raise RefundImpossible(
                "order_changed", "The order has just changed; nothing was done. Ask again."
            )
        if plan.must_ask:
            await refunds.ask(
                session, order, plan.payment_id, plan.amount, reason=plan.reason, item=plan.item
            )
        if plan.is_whole:
            await orders.close(session, plan.order_id, is_paid_back=True)
    _log().info(
        "order_refund_asked",
        order=str(plan.order_id),
        amount=plan.amount,
        currency=plan.currency,
        whole=plan.is_whole,
        reason=scrub(reason),
    )


def _log() -> structlog.typing.FilteringBoundLogger:
    """To standard error: the other one is for the answer."""
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ]
    logger = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=processors)
    bound: structlog.typing.FilteringBoundLogger = logger.bind()
    return bound

"""Outcomes of the rules, written to the real database."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from rekindle.contracts.orders import HdState, RefundReason, refund_key
from rekindle.contracts.payments import (
    CheckoutSession,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentFacts,
    Refund,
    RefundStatus,
    SessionStatus,
)
from rekindle.models import Order, OrderRefund
from rekindle.rules.orders import reconcile
from rekindle.store import orders, outcomes, refunds
from rekindle.store.database import Database
from tests.services import rows

KEY = "restored/job/stamp_hd.png"


@pytest.fixture
async def order(database: Database, new_order: Order) -> Order:
    async with database.transaction() as session:
        return await orders.open_or_reuse(session, new_order)


async def read(database: Database, order: Order) -> Order:
    async with database.transaction() as session:
        found = await orders.by_id(session, order.id)
    assert found is not None
    return found


async def look(
    database: Database, order: Order, facts: PaymentFacts, *, seen: Order | None = None
) -> Sequence[OrderRefund] | None:
    """Reconcile as everybody does: read, compute, write.

    Args:
        seen: the order as it was read before, by somebody slow.
    """
    async with database.transaction() as session:
        before = seen or await orders.by_id(session, order.id)
        assert before is not None
        state = await outcomes.state(session, before)
    outcome = reconcile(state, facts, datetime.now(UTC))
    async with database.transaction() as session:
        return await outcomes.record(session, before, outcome, object_key=KEY)


async def entitled(database: Database, order: Order) -> str | None:
    async with database.transaction() as session:
        return await rows.entitlement(session, order.id)


async def hd(database: Database, order: Order, state: HdState) -> None:
    async with database.transaction() as session:
        assert await orders.note_hd(session, order.id, state)


async def answered(database: Database, row: OrderRefund, refund_id: str) -> bool:
    async with database.transaction() as session:
        return await refunds.answer(session, row.order_id, row.number, refund_id)


def paid(order: Order, *payment_ids: str) -> PaymentFacts:
    sessions = tuple(
        CheckoutSession(
            session_id=f"cs_{key}",
            order_id=order.id,
            status=SessionStatus.COMPLETE,
            is_paid=True,
            amount=order.amount,
            currency=order.currency,
            url=None,
            payment_id=key,
            expires_at=order.expires_at,
        )
        for key in payment_ids
    )
    money = tuple(Payment(key, order.id, order.amount, order.currency) for key in payment_ids)
    return PaymentFacts(sessions, money)


async def test_a_paid_order_is_delivered_and_may_be_read(database: Database, order: Order) -> None:
    facts = paid(order, "pi_1")
    assert await look(database, order, facts) == []
    assert await entitled(database, order) is None
    await hd(database, order, HdState.READY)
    assert await look(database, order, facts) == []
    found = await read(database, order)
    assert (found.status, found.payment_id) == ("delivered", "pi_1")
    assert found.paid_at is not None
    assert found.delivered_at is not None
    assert await entitled(database, order) == KEY


async def test_the_same_outcome_twice_changes_nothing(database: Database, order: Order) -> None:
    await hd(database, order, HdState.READY)
    await look(database, order, paid(order, "pi_1"))
    before = await read(database, order)
    await look(database, order, paid(order, "pi_1"))
    assert (await read(database, order)).model_dump() == before.model_dump()


async def test_hd_that_failed_gives_the_money_back_once(database: Database, order: Order) -> None:
    facts = paid(order, "pi_hd")
    await look(database, order, facts)
    await hd(database, order, HdState.FAILED)
    calls = await look(database, order, facts)
    assert calls is not None
    (row,) = calls
    assert (row.amount, row.reason) == (order.amount, RefundReason.HD_FAILED)
    assert refund_key(order.id, row.number) == f"refund:{order.id}:1"
    # The answer was lost: the same row is called again, and no second one is written.
    again = await look(database, order, facts)
    assert again is not None
    assert [each.number for each in again] == [row.number]
    # It turns up at the provider: nothing is called any more.
    refund_id = f"re_{order.id}"
    back = Refund(refund_id, "pi_hd", order.amount, RefundStatus.SUCCEEDED)
    assert await look(database, order, replace(facts, refunds=(back,))) == []
    async with database.transaction() as session:
        assert [r.refund_id for r in await refunds.of_order(session, order.id)] == [refund_id]
    found = await read(database, order)
    assert found.status == "refunded"
    assert found.closed_at is not None


async def test_of_two_looks_at_once_one_writes(database: Database, order: Order) -> None:
    facts = paid(order, "pi_1", "pi_2")
    seen = await read(database, order)
    done = await asyncio.gather(*(look(database, order, facts, seen=seen) for _ in range(6)))
    assert sorted(each is None for each in done) == [False, True, True, True, True, True]
    async with database.transaction() as session:
        rows = await refunds.of_order(session, order.id)
    assert [(each.number, each.reason) for each in rows] == [(1, RefundReason.DUPLICATE)]


async def test_of_two_looks_at_once_one_writes_although_the_status_stays(
    database: Database, order: Order
) -> None:
    """A refund failed; another is due, once."""
    facts = paid(order, f"pi_{order.id}")
    await hd(database, order, HdState.FAILED)
    calls = await look(database, order, facts)
    assert calls is not None
    refund_id = f"re_{order.id}"
    assert await answered(database, calls[0], refund_id)
    failed = Refund(refund_id, f"pi_{order.id}", order.amount, RefundStatus.FAILED)
    facts, seen = replace(facts, refunds=(failed,)), await read(database, order)
    assert seen.status == "refunding"
    done = await asyncio.gather(*(look(database, order, facts, seen=seen) for _ in range(6)))
    assert sorted(each is None for each in done) == [False, True, True, True, True, True]
    async with database.transaction() as session:
        assert [row.number for row in await refunds.of_order(session, order.id)] == [1, 2]


async def test_a_dispute_takes_the_right_away_and_winning_it_brings_it_back(
    database: Database, order: Order
) -> None:
    facts = paid(order, "pi_1")
    await hd(database, order, HdState.READY)
    await look(database, order, facts)
    for status, key in (
        (DisputeStatus.OPEN, None),
        (DisputeStatus.WON, KEY),
        (DisputeStatus.LOST, None),
    ):
        dispute = Dispute("dp_1", "pi_1", order.amount, status)
        assert await look(database, order, replace(facts, disputes=(dispute,))) == []
        assert await entitled(database, order) == key


async def test_an_operator_gives_a_part_back_and_the_right_stays(
    database: Database, order: Order
) -> None:
    facts = paid(order, "pi_part")
    await hd(database, order, HdState.READY)
    await look(database, order, facts)
    now = await read(database, order)
    async with database.transaction() as session:
        row = await refunds.ask(session, now, "pi_part", 100)
    async with database.transaction() as session:
        assert await refunds.ask(session, now, "pi_part", 100) is None
    assert row is not None
    assert await answered(database, row, f"re_{order.id}")
    assert not await answered(database, row, f"re_other_{order.id}")
    back = Refund(f"re_{order.id}", "pi_part", 100, RefundStatus.SUCCEEDED)
    assert await look(database, order, replace(facts, refunds=(back,))) == []
    assert (await read(database, order)).status == "delivered"
    assert await entitled(database, order) == KEY


async def test_an_order_closed_by_an_operator_gives_back_what_is_left(
    database: Database, order: Order
) -> None:
    facts = paid(order, "pi_1")
    await hd(database, order, HdState.READY)
    await look(database, order, facts)
    async with database.transaction() as session:
        assert not await orders.close(session, order.id)
        assert await orders.close(session, order.id, is_paid_back=True)
    part = Refund("re_before", "pi_1", 100, RefundStatus.SUCCEEDED)
    calls = await look(database, order, replace(facts, refunds=(part,)))
    assert calls is not None
    assert [row.amount for row in calls] == [order.amount - 100]
    assert await entitled(database, order) is None


async def test_a_row_that_cannot_be_carried_out_is_void(database: Database, order: Order) -> None:
    facts = paid(order, "pi_void")
    await hd(database, order, HdState.FAILED)
    await look(database, order, facts)
    part = Refund(f"re_{order.id}", "pi_void", 100, RefundStatus.SUCCEEDED)
    for _ in range(2):
        calls = await look(database, order, replace(facts, refunds=(part,)))
        assert calls is not None
        assert [(row.number, row.amount) for row in calls] == [(2, order.amount - 100)]
    async with database.transaction() as session:
        rows = await refunds.of_order(session, order.id)
    assert [row.void_at is not None for row in rows] == [True, False]


async def test_a_refund_of_the_provider_stands_in_one_row_only(
    database: Database, order: Order
) -> None:
    facts, refund_id = paid(order, "pi_1", "pi_2"), f"re_{order.id}"
    await hd(database, order, HdState.FAILED)
    calls = await look(database, order, facts)
    assert calls is not None
    assert len(calls) == 2
    assert await answered(database, calls[0], refund_id)
    with pytest.raises(IntegrityError):
        await answered(database, calls[1], refund_id)


async def test_an_order_with_a_ledger_cannot_be_deleted(database: Database, order: Order) -> None:
    await hd(database, order, HdState.FAILED)
    await look(database, order, paid(order, "pi_1"))
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(delete(Order).where(col(Order.id) == order.id))

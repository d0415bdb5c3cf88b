"""The whole account is read, for audits."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from rekindle.errors import PaymentsUnavailable
from rekindle.ports.payments import DisputeStatus, PaymentFacts, SessionStatus
from tests.services.stripe.conftest import Shop

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def test_an_account_without_anything_has_nothing(shop: Shop) -> None:
    assert await shop.payments.money(since=LONG_AGO) == PaymentFacts()


async def test_money_tells_of_an_order_what_its_facts_tell(shop: Shop) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    await shop.payments.refund(payment_id, amount=100, order_id=shop.order_id, key="refund:1")
    declined = await shop.payments.open_session(shop.order(key="order:2"))
    await shop.payments.expire_session(declined.session_id, key="expire:1")
    money, facts = (
        await shop.payments.money(since=LONG_AGO),
        await shop.facts_of(declined, session),
    )
    assert money == facts
    (refund,), (payment,) = money.refunds, money.payments
    assert refund.order_id == payment.order_id == shop.order_id
    assert refund.created_at is not None
    assert payment.created_at is not None


async def test_money_tells_of_everybody_and_of_what_was_done_by_hand(shop: Shop) -> None:
    mine = await shop.paid()
    stranger = uuid4()
    theirs = await shop.paid(order_id=stranger, key="order:theirs")
    await shop.control("refunds", session=mine.session_id, amount=90)
    disputed = await shop.control("disputes", session=theirs.session_id)
    money = await shop.payments.money(since=LONG_AGO)
    assert {each.order_id for each in money.sessions} == {shop.order_id, stranger}
    assert {each.order_id: each.captured for each in money.payments} == {
        shop.order_id: 490,
        stranger: 490,
    }
    assert [(each.amount, each.order_id) for each in money.refunds] == [(90, None)]
    assert [(d.dispute_id, d.status) for d in money.disputes] == [
        (disputed["id"], DisputeStatus.OPEN)
    ]


async def test_money_of_a_bank_that_has_not_answered_has_not_arrived(shop: Shop) -> None:
    session = await shop.paid("bank")
    money = await shop.payments.money(since=LONG_AGO)
    assert [(each.status, each.is_paid) for each in money.sessions] == [
        (SessionStatus.COMPLETE, False)
    ]
    assert [each.captured for each in money.payments] == [0]
    await shop.control("settle", session=session.session_id)
    assert [p.captured for p in (await shop.payments.money(since=LONG_AGO)).payments] == [490]


async def test_money_begins_at_a_moment(shop: Shop) -> None:
    early = await shop.paid()
    await shop.control("refunds", session=early.session_id, amount=90)
    clock = await shop.control("clock", advance=timedelta(hours=1).total_seconds())
    since = datetime.fromtimestamp(int(clock["now"]), UTC)
    assert await shop.payments.money(since=since) == PaymentFacts()
    expires_at = since + timedelta(hours=1)
    late = await shop.paid(key="order:late", expires_at=expires_at)
    await shop.control("refunds", session=early.session_id, amount=1)
    money = await shop.payments.money(since=since)
    assert [each.session_id for each in money.sessions] == [late.session_id]
    assert [each.captured for each in money.payments] == [490]
    assert [each.amount for each in money.refunds] == [1]


async def test_money_comes_whole_however_many_pages_it_takes(shop: Shop) -> None:
    numbers = range(103)
    for first in range(0, len(numbers), 20):
        part = numbers[first : first + 20]
        await asyncio.gather(*(shop.paid(amount=100 + n, key=f"order:{n}") for n in part))
    money = await shop.payments.money(since=LONG_AGO)
    assert sorted(each.amount for each in money.sessions) == [100 + n for n in numbers]
    assert sorted(each.captured for each in money.payments) == [100 + n for n in numbers]


async def test_half_of_the_money_is_no_answer(shop: Shop) -> None:
    await shop.paid()
    await shop.plan({"kind": "server_error", "route": "GET /v1/payment_intents"})
    with pytest.raises(PaymentsUnavailable):
        await shop.payments.money(since=LONG_AGO)
    assert len((await shop.payments.money(since=LONG_AGO)).payments) == 1

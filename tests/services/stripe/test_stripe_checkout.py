"""Sessions are opened and closed, and what was paid is read."""

from datetime import timedelta
from uuid import uuid4

import pytest

from rekindle.errors import PaymentsRefused
from rekindle.ports.payments import DisputeStatus, RefundStatus, SessionStatus
from tests.services.stripe.conftest import Shop


async def test_an_open_session_has_a_page_and_names_its_order(shop: Shop) -> None:
    order = shop.order()
    session = await shop.payments.open_session(order)
    assert session.status is SessionStatus.OPEN
    assert session.url is not None
    assert session.url.startswith(shop.url)
    assert (session.amount, session.currency) == (490, "eur")
    assert session.order_id == shop.order_id
    assert not session.is_paid
    assert session.payment_id is None
    assert session.expires_at == order.expires_at.replace(microsecond=0)
    assert (await shop.facts_of(session)).sessions == (session,)
    page = await shop.http.get(session.url)
    assert "Photo in HD" in page.text


async def test_the_order_is_named_by_session_reference_and_payment(shop: Shop) -> None:
    session = await shop.paid()
    ledger = await shop.look(f"ledger?reference={shop.order_id}")
    assert [each["id"] for each in ledger["sessions"]] == [session.session_id]
    facts = await shop.facts_of(session)
    assert [each.order_id for each in facts.sessions] == [shop.order_id]
    assert [each.order_id for each in facts.payments] == [shop.order_id]


async def test_a_card_pays_at_once(shop: Shop) -> None:
    session = await shop.paid()
    facts = await shop.facts_of(session)
    (found,), (payment,) = facts.sessions, facts.payments
    assert (found.status, found.is_paid, found.url) == (SessionStatus.COMPLETE, True, None)
    assert payment.payment_id == found.payment_id
    assert (payment.captured, payment.currency) == (490, "eur")
    assert (facts.refunds, facts.disputes) == ((), ())


async def test_a_declined_card_leaves_the_session_open_and_no_money(shop: Shop) -> None:
    session = await shop.paid("declined")
    facts = await shop.facts_of(session)
    assert [each.status for each in facts.sessions] == [SessionStatus.OPEN]
    assert [(each.captured, each.has_failed) for each in facts.payments] == [(0, False)]
    await shop.payments.expire_session(session.session_id, key="expire:1")
    facts = await shop.facts_of(session)
    assert [(each.captured, each.has_failed) for each in facts.payments] == [(0, True)]


@pytest.mark.parametrize(("outcome", "captured"), [("succeeded", 490), ("failed", 0)])
async def test_a_bank_lets_a_complete_session_wait_for_its_money(
    shop: Shop, outcome: str, captured: int
) -> None:
    session = await shop.paid("bank")
    facts = await shop.facts_of(session)
    assert [(s.status, s.is_paid) for s in facts.sessions] == [(SessionStatus.COMPLETE, False)]
    assert [(each.captured, each.has_failed) for each in facts.payments] == [(0, False)]
    await shop.control("settle", session=session.session_id, outcome=outcome)
    facts = await shop.facts_of(session)
    assert [each.is_paid for each in facts.sessions] == [captured > 0]
    assert [each.captured for each in facts.payments] == [captured]
    assert [each.has_failed for each in facts.payments] == [captured == 0]


async def test_amounts_of_a_currency_without_decimals_stay_as_they_are(shop: Shop) -> None:
    session = await shop.paid(amount=800, currency="jpy")
    facts = await shop.facts_of(session)
    assert [(each.amount, each.currency) for each in facts.sessions] == [(800, "jpy")]
    assert [(each.captured, each.currency) for each in facts.payments] == [(800, "jpy")]
    (payment,) = facts.payments
    back = await shop.payments.refund(
        payment.payment_id, amount=300, order_id=shop.order_id, key="refund:1"
    )
    assert back.amount == 300


async def test_money_that_nobody_asked_for_is_reported_as_it_is(shop: Shop) -> None:
    session = await shop.payments.open_session(shop.order())
    await shop.control("pay", session=session.session_id, amount=100, currency="usd")
    facts = await shop.facts_of(session)
    assert [(each.captured, each.currency) for each in facts.payments] == [(100, "usd")]
    assert [(each.amount, each.currency) for each in facts.sessions] == [(490, "eur")]


async def test_a_payment_leads_to_its_session(shop: Shop) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    other = await shop.payments.open_session(shop.order(key="order:2"))
    facts = await shop.payments.facts(
        shop.order_id, session_ids=[other.session_id], payment_ids=[payment_id]
    )
    assert {each.session_id for each in facts.sessions} == {session.session_id, other.session_id}
    assert [each.payment_id for each in facts.payments] == [payment_id]
    twice = await shop.payments.facts(
        shop.order_id, session_ids=[session.session_id] * 2, payment_ids=[payment_id] * 2
    )
    assert (len(twice.sessions), len(twice.payments)) == (1, 1)


async def test_a_session_nobody_noted_is_found_by_its_order(shop: Shop) -> None:
    mine = await shop.paid()
    await shop.payments.open_session(shop.order(order_id=uuid4(), key="order:other"))
    facts = await shop.payments.facts(shop.order_id, session_ids=[], payment_ids=[])
    assert [each.session_id for each in facts.sessions] == [mine.session_id]
    assert [each.captured for each in facts.payments] == [490]
    nobody = await shop.payments.facts(uuid4(), session_ids=[], payment_ids=[])
    assert nobody.sessions == ()


async def test_an_id_that_stripe_does_not_know_hides_no_money(shop: Shop) -> None:
    with pytest.raises(PaymentsRefused):
        await shop.payments.facts(shop.order_id, session_ids=["cs_none"], payment_ids=[])
    with pytest.raises(PaymentsRefused):
        await shop.payments.facts(shop.order_id, session_ids=["../events"], payment_ids=[])


async def test_an_open_session_is_expired_once(shop: Shop) -> None:
    session = await shop.payments.open_session(shop.order())
    for key in ("expire:1", "expire:1", "expire:2"):
        ended = await shop.payments.expire_session(session.session_id, key=key)
        assert (ended.status, ended.url) == (SessionStatus.EXPIRED, None)
    with pytest.raises(PaymentsRefused):
        await shop.payments.expire_session("cs_none", key="expire:3")


async def test_a_session_that_was_paid_meanwhile_comes_back_complete(shop: Shop) -> None:
    session = await shop.paid()
    ended = await shop.payments.expire_session(session.session_id, key="expire:1")
    assert (ended.status, ended.is_paid) == (SessionStatus.COMPLETE, True)


async def test_a_session_expires_by_itself(shop: Shop) -> None:
    session = await shop.payments.open_session(shop.order())
    await shop.control("clock", advance=timedelta(hours=13).total_seconds())
    facts = await shop.facts_of(session)
    assert [each.status for each in facts.sessions] == [SessionStatus.EXPIRED]


async def test_money_goes_back_in_parts_and_never_twice(shop: Shop) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)

    async def refund(amount: int, key: str) -> str:
        back = await shop.payments.refund(
            payment_id, amount=amount, order_id=shop.order_id, key=key
        )
        assert (back.payment_id, back.amount) == (payment_id, amount)
        assert back.status is RefundStatus.SUCCEEDED
        return back.refund_id

    first = await refund(100, "refund:1")
    assert await refund(100, "refund:1") == first
    second = await refund(390, "refund:2")
    with pytest.raises(PaymentsRefused):
        await refund(1, "refund:3")
    with pytest.raises(PaymentsRefused):
        await refund(0, "refund:4")
    facts = await shop.facts_of(session)
    assert {each.refund_id for each in facts.refunds} == {first, second}
    assert [each.captured for each in facts.payments] == [490]


@pytest.mark.parametrize("ended", [RefundStatus.SUCCEEDED, RefundStatus.FAILED])
async def test_a_pending_refund_is_told_as_it_stands(shop: Shop, ended: RefundStatus) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    await shop.plan({"kind": "refund_pending"})

    async def refund() -> RefundStatus:
        back = await shop.payments.refund(
            payment_id, amount=490, order_id=shop.order_id, key="refund:1"
        )
        (listed,) = (await shop.facts_of(session)).refunds
        assert listed == back
        return back.status

    assert await refund() is RefundStatus.PENDING
    (made,) = (await shop.look("ledger"))["refunds"]
    await shop.control(f"refunds/{made['id']}", status=ended.value)
    assert await refund() is ended


@pytest.mark.parametrize("ended", [DisputeStatus.WON, DisputeStatus.LOST])
async def test_a_dispute_is_open_until_somebody_wins(shop: Shop, ended: DisputeStatus) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    made = await shop.control("disputes", session=session.session_id)
    (dispute,) = (await shop.facts_of(session)).disputes
    assert (dispute.dispute_id, dispute.payment_id) == (made["id"], payment_id)
    assert (dispute.amount, dispute.status) == (490, DisputeStatus.OPEN)
    with pytest.raises(PaymentsRefused):
        await shop.payments.refund(payment_id, amount=490, order_id=shop.order_id, key="refund:1")
    await shop.control(f"disputes/{made['id']}", status=ended.value)
    (dispute,) = (await shop.facts_of(session)).disputes
    assert dispute.status is ended


async def test_an_inquiry_that_ends_has_taken_nothing(shop: Shop) -> None:
    session = await shop.paid()
    made = await shop.control("disputes", session=session.session_id, is_inquiry=True)
    assert [d.status for d in (await shop.facts_of(session)).disputes] == [DisputeStatus.OPEN]
    await shop.control(f"disputes/{made['id']}", status="warning_closed")
    assert [d.status for d in (await shop.facts_of(session)).disputes] == [DisputeStatus.WON]

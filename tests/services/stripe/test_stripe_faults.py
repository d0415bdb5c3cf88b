"""What goes wrong on the way: nothing happens twice, and each error says whether to repeat."""

import asyncio
import logging
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rekindle.adapters.stripe import StripePayments
from rekindle.errors import PaymentsRefused, PaymentsUnavailable
from rekindle.ports.payments import SessionStatus
from tests.services.stripe.conftest import KEY, SECRET, Shop

OPENING = "POST /v1/checkout/sessions"
REFUNDING = "POST /v1/refunds"


async def test_a_lost_reply_and_the_same_key_make_one_session(shop: Shop) -> None:
    await shop.plan({"kind": "lost_reply", "route": OPENING})
    order = shop.order()
    with pytest.raises(PaymentsUnavailable):
        await shop.payments.open_session(order)
    session = await shop.payments.open_session(order)
    assert await shop.session_ids() == [session.session_id]
    assert await shop.keys_used() == [order.key, order.key]


async def test_a_repeat_gives_the_session_as_it_stands_now(shop: Shop) -> None:
    order = shop.order()
    session = await shop.payments.open_session(order)
    await shop.control("pay", session=session.session_id)
    again = await shop.payments.open_session(order)
    assert again.session_id == session.session_id
    assert (again.status, again.is_paid, again.url) == (SessionStatus.COMPLETE, True, None)


async def test_a_connection_that_breaks_before_anything_is_done_is_no_verdict(shop: Shop) -> None:
    await shop.plan({"kind": "reset", "route": OPENING})
    with pytest.raises(PaymentsUnavailable):
        await shop.payments.open_session(shop.order())
    assert await shop.session_ids() == []
    assert (await shop.payments.open_session(shop.order())).status is SessionStatus.OPEN


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_an_error_of_stripe_is_no_verdict(shop: Shop, status: int) -> None:
    await shop.plan({"kind": "server_error", "route": OPENING, "status_code": status})
    with pytest.raises(PaymentsUnavailable):
        await shop.payments.open_session(shop.order())


async def test_a_saved_error_stays_and_the_facts_tell_what_happened(shop: Shop) -> None:
    await shop.plan({"kind": "error_after", "route": OPENING, "saved": True})
    order = shop.order()
    for is_kept in (False, True):
        with pytest.raises(PaymentsUnavailable) as failure:
            await shop.payments.open_session(order)
        assert failure.value.is_kept == is_kept
    facts = await shop.payments.facts(shop.order_id, session_ids=[], payment_ids=[])
    assert [each.session_id for each in facts.sessions] == await shop.session_ids()
    assert len(facts.sessions) == 1


async def test_a_refund_with_a_saved_error_is_seen_in_the_facts(shop: Shop) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    await shop.plan({"kind": "error_after", "route": REFUNDING, "saved": True})
    for _ in range(2):
        with pytest.raises(PaymentsUnavailable):
            await shop.payments.refund(
                payment_id, amount=90, order_id=shop.order_id, key="refund:1"
            )
    assert [each.amount for each in (await shop.facts_of(session)).refunds] == [90]


async def test_a_refund_whose_reply_was_lost_is_made_once(shop: Shop) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    await shop.plan({"kind": "lost_reply", "route": REFUNDING})
    with pytest.raises(PaymentsUnavailable):
        await shop.payments.refund(payment_id, amount=90, order_id=shop.order_id, key="refund:1")
    back = await shop.payments.refund(payment_id, amount=90, order_id=shop.order_id, key="refund:1")
    assert (await shop.facts_of(session)).refunds == (back,)


async def test_too_many_requests_may_be_repeated_and_are_not_by_us(shop: Shop) -> None:
    await shop.plan({"kind": "rate_limited", "route": OPENING, "count": None})
    with pytest.raises(PaymentsUnavailable):
        await shop.payments.open_session(shop.order())
    assert (await shop.look("faults"))["fired"]["rate_limited"] == 1


async def test_a_key_in_use_may_be_repeated(shop: Shop) -> None:
    await shop.plan({"kind": "slow", "route": OPENING, "seconds": 30, "count": None})
    order = shop.order()
    clicks = {asyncio.create_task(shop.payments.open_session(order)) for _ in range(2)}
    done, waiting = await asyncio.wait(clicks, return_when=asyncio.FIRST_COMPLETED, timeout=120)
    (refused,), (first,) = done, waiting
    with pytest.raises(PaymentsUnavailable, match="HTTP 409"):
        await refused
    await shop.control("clock", advance=31)
    assert await shop.session_ids() == [(await first).session_id]


async def test_a_key_with_two_meanings_is_refused(shop: Shop) -> None:
    order = shop.order()
    await shop.payments.open_session(order)
    with pytest.raises(PaymentsRefused):
        await shop.payments.open_session(shop.order(amount=990, expires_at=order.expires_at))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 1},
        {"currency": "xxx"},
        {"email": "nobody"},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"success_url": "orders"},
        {"key": "k" * 256},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_request_that_cannot_be_right_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    with pytest.raises(PaymentsRefused):
        await shop.payments.open_session(shop.order(**wrong))
    assert await shop.session_ids() == []


async def test_a_wrong_key_is_refused_and_shown_to_nobody(shop: Shop) -> None:
    stranger = StripePayments(
        key="sk_test_ofSomebodyElse0123456789", webhook_secret=SECRET, api_url=shop.url
    )
    with pytest.raises(PaymentsRefused) as refused:
        await stranger.open_session(shop.order())
    assert "401" in str(refused.value)
    assert "sk_test" not in str(refused.value)
    await stranger.close()


async def test_a_slow_stripe_is_given_up_in_time(shop: Shop) -> None:
    await shop.plan({"kind": "slow", "route": OPENING, "seconds": 600})
    hasty = StripePayments(key=KEY, webhook_secret=SECRET, api_url=shop.url, timeout=0.2)
    with pytest.raises(PaymentsUnavailable, match="Timeout"):
        await hasty.open_session(shop.order())
    await hasty.close()
    await shop.control("clock", advance=601)


async def test_nobody_who_answers_is_no_verdict() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken, and nobody listens
        payments = StripePayments(
            key=KEY, webhook_secret=SECRET, api_url=f"http://127.0.0.1:{taken.getsockname()[1]}"
        )
        with pytest.raises(PaymentsUnavailable, match="ConnectError"):
            await payments.events(since=datetime.now(UTC))
        await payments.close()


@pytest.mark.parametrize("route", ["GET /v1/refunds", "GET /v1/disputes", "GET /v1/checkout/*"])
async def test_facts_are_whole_or_none(shop: Shop, route: str) -> None:
    session = await shop.paid()
    await shop.plan({"kind": "server_error", "route": route})
    with pytest.raises(PaymentsUnavailable):
        await shop.facts_of(session)
    assert len((await shop.facts_of(session)).payments) == 1


async def test_neither_errors_nor_logs_hold_a_key_or_what_a_person_typed(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await shop.payments.open_session(shop.order())
    said: list[str] = []
    for wrong in ({"email": "not-an-address of Ada"}, {"amount": 2}):
        with pytest.raises(PaymentsRefused) as refused:
            await shop.payments.open_session(shop.order(key="order:2", **wrong))
        assert refused.value.__cause__ is None
        said.append(f"{refused.value} {refused.value.detail}")
    for text in (*said, caplog.text):
        for secret in (KEY, "ada@example.org", "of Ada", "not-an-address", "line_items"):
            assert secret not in text


async def test_events_are_listed_oldest_first_over_several_pages(shop: Shop) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    for number in range(105):
        if number % 50 == 0:
            await shop.control("clock", advance=1)
        key = f"refund:{number}"
        await shop.payments.refund(payment_id, amount=1, order_id=shop.order_id, key=key)
    assert len((await shop.facts_of(session)).refunds) == 105
    events = await shop.payments.events(since=since)
    kinds = [each.kind for each in events]
    assert kinds[0] == "checkout.session.completed"
    assert kinds.count("refund.created") == kinds.count("charge.refunded") == 105
    assert {each.order_id for each in events} == {shop.order_id}
    assert {each.payment_id for each in events} == {payment_id}
    assert sorted(events, key=lambda each: each.created_at) == list(events)
    assert len({each.event_id for each in events}) == len(events)
    assert len({each.created_at for each in events}) > 1
    assert await shop.payments.events(since=datetime.now(UTC) + timedelta(hours=1)) == []

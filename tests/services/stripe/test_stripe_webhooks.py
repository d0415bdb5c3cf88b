"""What the simulator delivers is what the adapter accepts, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rekindle.errors import WebhookForged
from rekindle.ports.payments import PaymentEvent
from tests.services.stripe.conftest import SECRET, Shop
from tests.services.stripe_simulator.conftest import Receiver


@pytest.fixture
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    """Gets the events of the shop."""
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks"
    async with server:
        await shop.control("webhooks/endpoint", url=made.url, secret=SECRET)
        yield made


async def delivered(shop: Shop, receiver: Receiver) -> list[PaymentEvent]:
    """Everything that was delivered so far, verified."""
    assert (await shop.control("webhooks/wait", seconds=120))["is_quiet"]
    return [shop.payments.verify(each.body, each.signature) for each in receiver.got]


async def test_events_of_every_kind_name_their_order_or_their_payment(
    shop: Shop, receiver: Receiver
) -> None:
    session = await shop.paid()
    payment_id = await shop.payment_of(session)
    await shop.payments.refund(payment_id, amount=90, order_id=shop.order_id, key="refund:1")
    await shop.control("disputes", session=session.session_id)
    events = {each.kind: each for each in await delivered(shop, receiver)}
    assert {each.payment_id for each in events.values()} == {payment_id}
    for kind in ("checkout.session.completed", "charge.refunded", "refund.created"):
        assert events[kind].order_id == shop.order_id
    assert events["charge.dispute.created"].order_id is None


async def test_the_list_and_the_webhooks_tell_the_same_events(
    shop: Shop, receiver: Receiver
) -> None:
    session = await shop.paid("bank")
    await shop.control("settle", session=session.session_id, outcome="succeeded")
    other = await shop.payments.open_session(shop.order(key="order:2"))
    await shop.payments.expire_session(other.session_id, key="expire:2")
    got = await delivered(shop, receiver)
    since = min(each.created_at for each in got)
    listed = await shop.payments.events(since=since)
    assert {each.kind for each in listed} == {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.expired",
    }
    assert set(listed) <= set(got)


async def test_an_event_that_was_lost_is_listed(shop: Shop, receiver: Receiver) -> None:
    await shop.plan({"kind": "webhook_loss", "event": "checkout.session.completed"})
    await shop.paid()
    got = await delivered(shop, receiver)
    assert "checkout.session.completed" not in {each.kind for each in got}
    (first, *_) = await shop.payments.events(since=min(each.created_at for each in got))
    assert (first.kind, first.order_id) == ("checkout.session.completed", shop.order_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"signature": "wrong"},
        {"signature": "none"},
        {"seconds": -4000},
        {"seconds": 4000},
        {"account": "acct_1SomebodyElse00000"},
        {"livemode": True},
    ],
    ids=lambda wrong: "-".join(map(str, next(iter(wrong.items())))),
)
async def test_what_is_sent_badly_is_forged(
    shop: Shop, receiver: Receiver, wrong: dict[str, Any]
) -> None:
    await shop.paid()
    good = await delivered(shop, receiver)
    receiver.got.clear()
    await shop.control("webhooks/send", event=good[0].event_id, **wrong)
    (got,) = receiver.got
    with pytest.raises(WebhookForged):
        shop.payments.verify(got.body, got.headers.get("stripe-signature", ""))
    await shop.control("webhooks/send", event=good[0].event_id)
    assert shop.payments.verify(receiver.got[-1].body, receiver.got[-1].signature) == good[0]

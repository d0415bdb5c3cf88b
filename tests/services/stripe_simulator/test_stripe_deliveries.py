"""Signed events arrive, again and again, or as a plan has them go wrong."""

import time
from typing import Any

import pytest
import stripe

from tests.services.stripe_simulator.conftest import ORDER, SECRET, Delivery, Receiver, Shop

# The SDK hands httpx its form as data=, which httpx wants called content=.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
COMPLETED = "checkout.session.completed"
PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", COMPLETED]


async def pay(shop: Shop, client: stripe.StripeClient) -> str:
    """Pay a new session by card, and wait for what is told about it; its id."""
    session = await client.v1.checkout.sessions.create_async(ORDER)
    await shop.control("pay", session=session.id)
    await shop.quiet()
    return session.id


def verified(delivery: Delivery) -> stripe.Event:
    """The event, as the SDK's own verification lets it through."""
    made: Any = stripe.Webhook.construct_event(delivery.body, delivery.signature, SECRET)
    assert isinstance(made, stripe.Event)
    return made


async def test_everything_that_happens_is_told_and_verifies(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    session_id = await pay(shop, async_client)
    assert sorted(receiver.kinds) == sorted(PAID)
    events = {str(event.type): event for event in map(verified, receiver.got)}
    assert events[COMPLETED].data.object["id"] == session_id
    assert events[COMPLETED].data.object["payment_status"] == "paid"
    kept = await async_client.v1.events.retrieve_async(events[COMPLETED].id)
    assert kept.data.object["id"] == session_id
    assert kept.pending_webhooks == 0
    delivery = await shop.delivery_of(COMPLETED)
    assert delivery["state"] == "succeeded"
    assert [a["answers"] for a in delivery["attempts"]] == [[{"status": 200, "error": None}]]


async def test_another_secret_does_not_verify(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await pay(shop, async_client)
    first = receiver.got[0]
    for body, secret in ((first.body, "whsec_other"), (first.body + b" ", SECRET)):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, first.signature, secret)


async def test_what_is_refused_comes_again_with_growing_gaps(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.answers = [500, 500, 500, 500, 302, 404, 204]
    await pay(shop, async_client)
    assert len(receiver.got) == 4
    before = {d["id"]: d["next_at"] for d in (await shop.look("webhooks"))["deliveries"]}
    now = (await shop.look("clock"))["now"]
    assert all(moment == pytest.approx(now + 300) for moment in before.values())
    await shop.control("clock", advance=301)
    await shop.quiet()
    deliveries = (await shop.look("webhooks"))["deliveries"]
    pending = [d for d in deliveries if d["state"] == "pending"]
    assert (len(receiver.got), len(pending)) == (8, 2)
    later = (await shop.look("clock"))["now"] + 1800
    assert all(one["next_at"] == pytest.approx(later) for one in pending)
    await shop.control("clock", advance=1801)
    await shop.quiet()
    assert len(receiver.got) == 10
    assert {d["state"] for d in (await shop.look("webhooks"))["deliveries"]} == {"succeeded"}


async def test_after_three_days_nobody_tries_any_more(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.answers = [500] * 1000
    await pay(shop, async_client)
    for _ in range(12):
        await shop.control("clock", advance=12 * 3600)
        await shop.quiet()
    assert {d["state"] for d in (await shop.look("webhooks"))["deliveries"]} == {"failed"}
    assert len(receiver.got) == 4 * 9
    listed = await async_client.v1.events.list_async({"delivery_success": False})
    assert len(listed.data) == 4


async def test_nobody_listens_is_a_failed_attempt(
    shop: Shop, async_client: stripe.StripeClient
) -> None:
    await shop.control("webhooks/endpoint", url="http://127.0.0.1:1/", secret=SECRET)
    await pay(shop, async_client)
    delivery = await shop.delivery_of(COMPLETED)
    assert delivery["state"] == "pending"
    assert delivery["attempts"][0]["answers"] == [{"status": None, "error": "ConnectError"}]


async def test_a_duplicate_is_the_same_event_at_the_same_time(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.plan({"kind": "webhook_duplicate", "event": COMPLETED, "times": 4})
    await pay(shop, async_client)
    copies = [d for d in receiver.got if d.kind == COMPLETED]
    assert len(copies) == 5
    assert len({copy.event["id"] for copy in copies}) == 1


async def test_a_lost_event_never_comes(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.plan({"kind": "webhook_loss", "event": "*", "count": None})
    await pay(shop, async_client)
    await shop.control("clock", advance=3 * 86_400)
    await shop.quiet()
    assert receiver.got == []
    assert (await shop.delivery_of(COMPLETED))["state"] == "lost"


async def test_a_delayed_event_comes_late(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.plan({"kind": "webhook_delay", "event": COMPLETED, "seconds": 3600})
    await pay(shop, async_client)
    assert COMPLETED not in receiver.kinds
    await shop.control("clock", advance=3601)
    await shop.quiet()
    assert receiver.kinds.count(COMPLETED) == 1
    verified(receiver.got[-1])


async def test_an_event_can_be_overtaken_by_the_next(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.plan({"kind": "webhook_reorder", "event": COMPLETED})
    session = await async_client.v1.checkout.sessions.create_async(ORDER)
    await shop.control("pay", session=session.id)
    assert COMPLETED not in receiver.kinds
    await shop.control("refunds", session=session.id)
    await shop.quiet()
    kinds = receiver.kinds
    assert kinds.count(COMPLETED) == 1
    overtaken_by = {"refund.created", "charge.refunded"} & set(kinds[: kinds.index(COMPLETED)])
    assert overtaken_by


async def test_what_is_held_back_comes_at_last(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.plan({"kind": "webhook_reorder", "event": COMPLETED})
    await pay(shop, async_client)
    assert receiver.kinds[-1] == COMPLETED


async def test_an_answer_that_got_lost_makes_it_come_again(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.plan({"kind": "webhook_lost_reply", "event": COMPLETED})
    await pay(shop, async_client)
    await shop.control("clock", advance=301)
    await shop.quiet()
    assert receiver.kinds.count(COMPLETED) == 2


@pytest.mark.parametrize(
    "kind",
    ["webhook_no_signature", "webhook_wrong_signature", "webhook_stale"],
)
async def test_a_forged_delivery_does_not_verify_and_the_next_does(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver, kind: str
) -> None:
    await shop.plan({"kind": kind, "event": COMPLETED})
    receiver.answers = [401] * 4
    await pay(shop, async_client)
    (forged,) = [d for d in receiver.got if d.kind == COMPLETED]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(forged.body, forged.headers.get("stripe-signature"), SECRET)
    await shop.control("clock", advance=301)
    await shop.quiet()
    honest = [d for d in receiver.got if d.kind == COMPLETED][1]
    assert verified(honest).type == COMPLETED


async def test_a_stamp_of_the_future_verifies_with_the_sdk_and_must_not_with_us(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.plan({"kind": "webhook_future", "event": COMPLETED, "seconds": 100_000})
    await pay(shop, async_client)
    (early,) = [d for d in receiver.got if d.kind == COMPLETED]
    stamp = int(early.signature.partition(",")[0].removeprefix("t="))
    assert stamp > time.time() + 90_000
    verified(early)  # the library has no upper bound


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        ("webhook_other_account", "account", "acct_1SomebodyElse00000"),
        ("webhook_livemode", "livemode", True),
    ],
)
async def test_an_event_of_another_world_is_well_signed(
    shop: Shop,
    async_client: stripe.StripeClient,
    receiver: Receiver,
    kind: str,
    word: str,
    value: object,
) -> None:
    await shop.plan({"kind": kind, "event": COMPLETED})
    await pay(shop, async_client)
    (strange,) = [d for d in receiver.got if d.kind == COMPLETED]
    verified(strange)
    assert strange.event[word] == value


async def test_an_event_is_sent_on_command_as_badly_as_told(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await pay(shop, async_client)
    event_id = (await shop.delivery_of(COMPLETED))["id"]
    receiver.got.clear()
    receiver.answers = [400, 401]
    told = await shop.control("webhooks/send", event=event_id, times=2)
    assert sorted(a["status"] for a in told["answers"]) == [400, 401]
    assert {verified(d).id for d in receiver.got} == {event_id}
    await shop.control("webhooks/send", event=event_id, signature="wrong", livemode=True)
    with pytest.raises(stripe.SignatureVerificationError):
        verified(receiver.got[-1])
    await shop.control("webhooks/send", event=event_id, signature="none", account="acct_x")
    assert "stripe-signature" not in receiver.got[-1].headers
    assert receiver.got[-1].event["account"] == "acct_x"
    await shop.control("webhooks/send", event=event_id, seconds=-301)
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        verified(receiver.got[-1])


async def test_signatures_carry_the_receivers_time_whatever_the_clock_says(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.control("clock", advance=10 * 86_400)
    await pay(shop, async_client)
    event = verified(receiver.got[0])
    assert event.created > time.time() + 9 * 86_400


async def test_without_an_endpoint_nothing_is_sent(
    shop: Shop, async_client: stripe.StripeClient, receiver: Receiver
) -> None:
    await shop.control("webhooks/endpoint")
    await pay(shop, async_client)
    assert receiver.got == []
    listed = await async_client.v1.events.list_async({"type": COMPLETED})
    assert len(listed.data) == 1
    reply = await shop.http.post("/simulator/webhooks/send", json={"event": listed.data[0].id})
    assert reply.status_code == 400

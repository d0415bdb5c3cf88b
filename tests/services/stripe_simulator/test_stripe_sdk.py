"""The official SDK, pointed here by the address alone, does what it does with the vendor."""

import asyncio
from typing import Any

import pytest
import stripe

from tests.services.stripe_simulator.conftest import API_KEY, ORDER, Shop, names

# The SDK hands httpx its form as data=, which httpx wants called content=.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


async def paid(shop: Shop, client: stripe.StripeClient) -> stripe.checkout.Session:
    """A session that was paid by card."""
    session = await asyncio.to_thread(client.v1.checkout.sessions.create, ORDER)
    await shop.control("pay", session=session.id)
    return await asyncio.to_thread(client.v1.checkout.sessions.retrieve, session.id)


async def test_an_order_is_paid_and_refunded(shop: Shop, client: stripe.StripeClient) -> None:
    session = await paid(shop, client)
    assert (session.status, session.payment_status) == ("complete", "paid")
    intent = await asyncio.to_thread(
        client.v1.payment_intents.retrieve,
        str(session.payment_intent),
        {"expand": ["latest_charge"]},
    )
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.amount == 490
    assert intent.metadata["order_id"] == "order-1"
    refund = await asyncio.to_thread(
        client.v1.refunds.create,
        {"payment_intent": intent.id, "amount": 90, "metadata": {"row": "7"}},
        {"idempotency_key": "refund:1"},
    )
    assert (refund.status, refund.amount) == ("succeeded", 90)
    listed = await asyncio.to_thread(client.v1.refunds.list, {"payment_intent": intent.id})
    assert [one.id for one in listed.data] == [refund.id]
    found = await asyncio.to_thread(client.v1.checkout.sessions.list, {"payment_intent": intent.id})
    assert [one.id for one in found.data] == [session.id]


async def test_the_asynchronous_client_does_the_same(
    shop: Shop, async_client: stripe.StripeClient
) -> None:
    v1 = async_client.v1
    options: stripe.RequestOptions = {"idempotency_key": "checkout:1"}
    session = await v1.checkout.sessions.create_async(ORDER, options)
    again = await v1.checkout.sessions.create_async(ORDER, options)
    assert again.id == session.id
    items = await v1.checkout.sessions.line_items.list_async(session.id)
    assert [item.description for item in items.data] == ["Photo in HD"]
    await shop.control("pay", session=session.id)
    shown = await v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge", "line_items"]}
    )
    assert isinstance(shown.payment_intent, stripe.PaymentIntent)
    assert isinstance(shown.payment_intent.latest_charge, stripe.Charge)
    refund = await v1.refunds.create_async({"payment_intent": shown.payment_intent.id})
    assert (await v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    charge = await v1.charges.retrieve_async(shown.payment_intent.latest_charge.id)
    assert charge.refunded
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.checkout.sessions.expire_async(session.id)
    assert refused.value.http_status == 400


async def test_the_global_style_works_by_api_base(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "api_base", shop.url)
    monkeypatch.setattr(stripe, "api_key", API_KEY)
    monkeypatch.setattr(stripe, "default_http_client", stripe.RequestsClient())
    session = await asyncio.to_thread(lambda: stripe.checkout.Session.create(**ORDER))
    expired = await asyncio.to_thread(stripe.checkout.Session.expire, session.id)
    assert expired.status == "expired"


async def test_the_account_is_known(client: stripe.StripeClient) -> None:
    account = await asyncio.to_thread(client.v1.accounts.retrieve_current)
    assert account.id.startswith("acct_")


async def test_disputes_are_read(shop: Shop, client: stripe.StripeClient) -> None:
    session = await paid(shop, client)
    made = await shop.control("disputes", session=session.id)
    query: Any = {"payment_intent": session.payment_intent}
    listed = await asyncio.to_thread(client.v1.disputes.list, query)
    assert [one.id for one in listed.data] == [made["id"]]
    dispute = await asyncio.to_thread(client.v1.disputes.retrieve, made["id"])
    assert (dispute.status, dispute.amount) == ("needs_response", 490)


async def test_lists_page_by_themselves(shop: Shop, client: stripe.StripeClient) -> None:
    made = [
        (await asyncio.to_thread(client.v1.checkout.sessions.create, ORDER)).id for _ in range(5)
    ]

    def walk() -> list[str]:
        listed = client.v1.checkout.sessions.list({"limit": 2})
        return names(listed.auto_paging_iter())

    assert await asyncio.to_thread(walk) == made[::-1]


async def test_events_that_never_arrived_are_found(shop: Shop, client: stripe.StripeClient) -> None:
    await shop.plan({"kind": "webhook_loss", "event": "checkout.session.completed"})
    session = await paid(shop, client)
    await shop.quiet()

    def missed() -> list[stripe.Event]:
        query: Any = {"delivery_success": False, "types": ["checkout.session.completed"]}
        return list(client.v1.events.list(query).auto_paging_iter())

    (event,) = await asyncio.to_thread(missed)
    assert event.type == "checkout.session.completed"
    assert event.data.object["id"] == session.id
    again = await asyncio.to_thread(client.v1.events.retrieve, event.id)
    assert again.id == event.id


async def test_errors_are_the_classes_of_the_sdk(shop: Shop, client: stripe.StripeClient) -> None:
    create = client.v1.checkout.sessions.create
    options: stripe.RequestOptions = {"idempotency_key": "key-1"}

    async def refused(call: Any, *args: Any) -> stripe.StripeError:
        with pytest.raises(stripe.StripeError) as error:
            await asyncio.to_thread(call, *args)
        assert str(error.value.request_id).startswith("req_")
        return error.value

    await asyncio.to_thread(create, ORDER, options)
    other: Any = {**ORDER, "client_reference_id": "order-2"}
    assert isinstance(await refused(create, other, options), stripe.IdempotencyError)
    unknown = await refused(create, {**ORDER, "colour": "red"})
    assert isinstance(unknown, stripe.InvalidRequestError)
    assert (unknown.code, unknown.param) == ("parameter_unknown", "colour")
    stranger = stripe.StripeClient("sk_test_other", base_addresses={"api": shop.url})
    nobody = await refused(stranger.v1.checkout.sessions.create, ORDER)
    assert isinstance(nobody, stripe.AuthenticationError)
    await shop.plan({"kind": "rate_limited", "route": "POST /v1/*"})
    assert isinstance(await refused(create, ORDER), stripe.RateLimitError)
    await shop.plan({"kind": "server_error", "route": "POST /v1/*"})
    failed = await refused(create, ORDER)
    assert isinstance(failed, stripe.APIError)
    assert failed.http_status == 500
    missing = await refused(client.v1.refunds.retrieve, "re_none")
    assert missing.code == "resource_missing"


@pytest.mark.parametrize(("kind", "sessions"), [("lost_reply", 1), ("reset", 0)])
async def test_a_broken_connection_is_one_for_the_sdk(
    shop: Shop, client: stripe.StripeClient, kind: str, sessions: int
) -> None:
    await shop.plan({"kind": kind, "route": "POST /v1/checkout/sessions"})
    options: stripe.RequestOptions = {"idempotency_key": "key-1"}
    with pytest.raises(stripe.APIConnectionError):
        await asyncio.to_thread(client.v1.checkout.sessions.create, ORDER, options)
    assert len((await shop.look("ledger"))["sessions"]) == sessions
    made = await asyncio.to_thread(client.v1.checkout.sessions.create, ORDER, options)
    assert [s["id"] for s in (await shop.look("ledger"))["sessions"]] == [made.id]


async def test_the_sdks_own_retry_finds_what_was_done(shop: Shop) -> None:
    retrying = shop.client(max_network_retries=1)
    await shop.plan({"kind": "lost_reply", "route": "POST /v1/checkout/sessions"})
    session = await asyncio.to_thread(retrying.v1.checkout.sessions.create, ORDER)
    ledger = await shop.look("ledger")
    assert [one["id"] for one in ledger["sessions"]] == [session.id]
    assert [row["outcome"] for row in ledger["requests"]] == ["done", "replayed"]


async def test_a_double_click_is_a_conflict_until_the_first_is_done(
    shop: Shop, client: stripe.StripeClient
) -> None:
    await shop.plan({"kind": "slow", "route": "POST /v1/*", "seconds": 30})
    options: stripe.RequestOptions = {"idempotency_key": "key-1"}
    create = client.v1.checkout.sessions.create
    first = asyncio.create_task(asyncio.to_thread(create, ORDER, options))
    async with asyncio.timeout(60):
        while (await shop.look("faults"))["fired"].get("slow") != 1:
            await asyncio.sleep(0.02)
    with pytest.raises(stripe.APIError) as refused:
        await asyncio.to_thread(create, ORDER, options)
    assert refused.value.error is not None
    assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
    await shop.control("clock", advance=31)
    made = await first
    assert (await asyncio.to_thread(create, ORDER, options)).id == made.id
    assert [one["id"] for one in (await shop.look("ledger"))["sessions"]] == [made.id]

"""Stripe's events: whose they are is proven, each is stored once, and its order is woken after."""

import asyncio
import json
import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col

from rekindle.errors import WorkflowsUnavailable
from rekindle.models import PaymentEventRecord
from rekindle.store.database import Database
from simulators.stripe.webhooks.signature import signature_header
from tests.services.api.orders.conftest import SECRET

PATH = "/api/v1/webhooks/stripe"


def event_of(order_id: UUID | None = None, **changed: Any) -> dict[str, Any]:
    """An event of a test's own, as Stripe writes it."""
    about: dict[str, Any] = {"id": "cs_test_1", "object": "checkout.session", "metadata": {}}
    if order_id is not None:
        about["metadata"] = {"order_id": str(order_id)}
    made: dict[str, Any] = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": about},
    }
    return made | changed


def refund_of(payment_id: str) -> dict[str, Any]:
    """An event that names a payment alone, as those of refunds made by hand do."""
    about = {"id": "re_1", "object": "refund", "payment_intent": payment_id, "metadata": {}}
    return event_of(type="refund.created", data={"object": about})


async def deliver(
    http: httpx.AsyncClient, body: bytes | dict[str, Any], *, secret: str = SECRET, age: int = 0
) -> httpx.Response:
    """Send a body, signed so many seconds ago; nobody signs in."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = signature_header(raw, secret, int(time.time()) - age)
    return await send(http, raw, {"Stripe-Signature": signature})


async def send(http: httpx.AsyncClient, raw: bytes, headers: dict[str, str]) -> httpx.Response:
    request = http.build_request(
        "POST", PATH, content=raw, headers={"Content-Type": "application/json", **headers}
    )
    del request.headers["Authorization"]
    return await http.send(request)


async def stored(database: Database, *event_ids: str) -> list[PaymentEventRecord]:
    async with database.transaction() as session:
        statement = select(PaymentEventRecord).where(
            col(PaymentEventRecord.event_id).in_(event_ids)
        )
        return list((await session.execute(statement)).scalars())


async def test_an_event_is_stored_and_its_order_woken(
    http: httpx.AsyncClient, world: Any, database: Database
) -> None:
    order_id = uuid4()
    event = event_of(order_id)
    reply = await deliver(http, event)
    assert (reply.status_code, reply.json()) == (200, {"received": True})
    [row] = await stored(database, event["id"])
    assert (row.kind, row.order_id, row.handled_at) == (event["type"], order_id, None)
    await world.orders.until_woken(order_id)


async def test_the_same_event_again_does_nothing(
    http: httpx.AsyncClient, world: Any, database: Database
) -> None:
    first, last = uuid4(), uuid4()
    event = event_of(first)
    replies = await asyncio.gather(*(deliver(http, event) for _ in range(5)))
    assert [each.status_code for each in replies] == [200] * 5
    assert len(await stored(database, event["id"])) == 1
    await deliver(http, event_of(last))
    await world.orders.until_woken(first, last)
    assert world.orders.woken.count(first) == 1


async def test_events_of_many_orders_wake_each_of_them(http: httpx.AsyncClient, world: Any) -> None:
    order_ids = [uuid4() for _ in range(40)]
    replies = await asyncio.gather(*(deliver(http, event_of(each)) for each in order_ids))
    assert {each.status_code for each in replies} == {200}
    await world.orders.until_woken(*order_ids)


async def test_an_event_that_names_only_a_payment_finds_its_order(
    http: httpx.AsyncClient,
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
    world: Any,
    database: Database,
) -> None:
    order = await buy(restoration)
    await till.pay(order)
    event = refund_of(f"pi_{UUID(order['id']).hex}")
    assert (await deliver(http, event)).status_code == 200
    await world.orders.until_woken(UUID(order["id"]))
    [row] = await stored(database, event["id"])
    assert row.order_id == UUID(order["id"])


async def test_an_event_that_comes_before_its_payment_is_known_stays_in_the_inbox(
    http: httpx.AsyncClient, world: Any, database: Database
) -> None:
    early, order_id = refund_of(f"pi_{uuid4().hex}"), uuid4()
    assert (await deliver(http, early)).status_code == 200
    await deliver(http, event_of(order_id))
    await world.orders.until_woken(order_id)
    [row] = await stored(database, early["id"])
    assert (row.order_id, row.handled_at) == (None, None)


async def test_an_event_about_nothing_of_ours_is_put_aside(
    http: httpx.AsyncClient, world: Any, database: Database
) -> None:
    event = event_of(
        type="customer.created", data={"object": {"id": "cus_1", "object": "customer"}}
    )
    assert (await deliver(http, event)).status_code == 200
    [row] = await stored(database, event["id"])
    assert row.handled_at is not None
    assert world.orders.woken == []


async def test_a_wake_that_fails_is_left_to_the_sweep(
    http: httpx.AsyncClient, world: Any, database: Database, log: list[Any]
) -> None:
    lost, found = uuid4(), uuid4()
    world.orders.failure = WorkflowsUnavailable()
    event = event_of(lost)
    assert (await deliver(http, event)).status_code == 200
    async with asyncio.timeout(60):
        while not [each for each in log if each.get("order") == str(lost)]:
            await asyncio.sleep(0.01)
    world.orders.failure = None
    await deliver(http, event_of(found))
    await world.orders.until_woken(found)
    [row] = await stored(database, event["id"])
    assert row.handled_at is None


@pytest.mark.parametrize("age", [301, -301], ids=["stale", "from the future"])
async def test_a_stamp_that_is_not_of_now_is_refused(
    age: int, http: httpx.AsyncClient, database: Database
) -> None:
    event = event_of(uuid4())
    reply = await deliver(http, event, age=age + (10 if age > 0 else -60))
    assert (reply.status_code, reply.json()["code"]) == (401, "webhook_forged")
    assert await stored(database, event["id"]) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"livemode": True},
        {"account": "acct_another"},
        {"object": "charge"},
        {"data": {}},
        {"id": 7},
    ],
    ids=["live", "another account", "no event", "about nothing", "no id"],
)
async def test_a_well_signed_event_that_is_not_for_us_is_refused(
    changed: dict[str, Any], http: httpx.AsyncClient, world: Any, database: Database
) -> None:
    event = event_of(uuid4()) | changed
    reply = await deliver(http, event)
    assert (reply.status_code, reply.json()["code"]) == (401, "webhook_forged")
    assert await stored(database, str(event["id"])) == []
    assert world.orders.woken == []


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"[]", b"null", b"\xff\xfe", b"[" * 100_000], ids=range(6)
)
async def test_what_is_no_event_is_refused_however_well_it_is_signed(
    body: bytes, http: httpx.AsyncClient
) -> None:
    reply = await deliver(http, body)
    assert (reply.status_code, reply.json()["code"]) == (401, "webhook_forged")


async def test_another_secret_and_a_changed_body_are_refused(
    http: httpx.AsyncClient, database: Database
) -> None:
    event = event_of(uuid4())
    raw = json.dumps(event).encode()
    forged = await deliver(http, event, secret="whsec_another")  # pragma: allowlist secret
    good = signature_header(raw, SECRET, int(time.time()))
    replies = [forged, await send(http, raw + b" ", {"Stripe-Signature": good})]
    replies += [
        await send(http, raw, {"Stripe-Signature": signature})
        for signature in ("x", "t=1", "v1=1", "t=x,v1=y", f"t={int(time.time())},v1=", "=" * 2000)
    ]
    for reply in replies:
        assert (reply.status_code, reply.json()["code"]) == (401, "webhook_forged")
        assert SECRET not in reply.text
        assert event["id"] not in reply.text
    assert await stored(database, event["id"]) == []


async def test_without_a_signature_nothing_is_read(http: httpx.AsyncClient) -> None:
    for headers in ({}, {"Stripe-Signature": ""}, {"Authorization": "Bearer someone"}):
        reply = await http.post(PATH, content=b"{}", headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (400, "webhook_unsigned")


async def test_a_body_that_is_too_large_is_refused(
    http: httpx.AsyncClient, database: Database
) -> None:
    large = event_of(uuid4(), padding="x" * (512 * 1024))
    reply = await deliver(http, large)
    assert (reply.status_code, reply.json()["code"]) == (413, "request_too_large")
    assert await stored(database, large["id"]) == []
    fitting = event_of(uuid4(), padding="x" * (500 * 1024))
    assert (await deliver(http, fitting)).status_code == 200


@pytest.mark.parametrize("secret", [None, "", "  "], ids=str)
async def test_without_a_secret_there_is_nothing(
    secret: str | None, http: httpx.AsyncClient, set_settings: Any
) -> None:
    """An empty one would verify whatever anybody signs with an empty key."""
    set_settings(stripe_webhook_secret=None if secret is None else SecretStr(secret))
    for signed_with in (SECRET, secret or ""):
        reply = await deliver(http, event_of(uuid4()), secret=signed_with)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


async def test_without_an_account_there_is_nothing(serve: Any, world: Any) -> None:
    world.payments = None
    async with serve() as http:
        assert (await deliver(http, event_of(uuid4()))).status_code == 404


async def test_while_the_database_is_away_stripe_is_told_to_come_again(
    serve: Any, world: Any
) -> None:
    world.database = Database("postgresql://u:p@127.0.0.1:1/none")
    async with serve() as http:
        reply = await deliver(http, event_of(uuid4()))
    assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")
    await world.database.close()


async def test_no_secret_and_nothing_of_an_event_is_logged(
    http: httpx.AsyncClient, log: list[Any]
) -> None:
    order_id = uuid4()
    about = {"object": "checkout.session", "customer_email": "ada@example.com", "metadata": {}}
    await deliver(http, event_of(order_id, data={"object": about}))
    await deliver(http, event_of(order_id, data={"object": about}), secret="whsec_another")
    told = repr(log)
    for word in ("ada@example.com", SECRET, "whsec_another"):
        assert word not in told

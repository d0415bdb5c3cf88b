"""The whole way over HTTP: ordered here, paid on Stripe's page, told by its webhooks, delivered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client

from activities.orders import OrderActivities
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.stripe import StripePayments
from rekindle.adapters.temporal import register_search_attributes
from rekindle.contracts import queues
from rekindle.contracts.orders import SUCCESS_PAGE
from rekindle.store.database import Database
from simulators.stripe.options import Options
from simulators.stripe.server import SimulatorThread
from tests.services.api.conftest import World
from tests.services.api.orders.conftest import KEY, SECRET
from tests.services.orders.life.conftest import TERMS, Script, ScriptedRender
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.hd_order import HdOrder

PATIENCE = 120
WEBHOOK = "/api/v1/webhooks/stripe"


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[str]:
    """The address of an account of the test's own."""
    options = Options(
        data=tmp_path / "stripe", api_key=KEY, webhook_seconds=PATIENCE, retry_scale=0.001
    )
    running = SimulatorThread(options)
    await asyncio.to_thread(running.__enter__)
    yield running.url
    await asyncio.to_thread(running.__exit__)


@pytest.fixture
async def account(simulator: str) -> AsyncIterator[StripePayments]:
    account = StripePayments(key=KEY, webhook_secret=SECRET, api_url=simulator, timeout=PATIENCE)
    yield account
    await account.close()


@pytest.fixture
async def script(
    temporal: Client, database: Database, account: StripePayments
) -> AsyncIterator[Script]:
    """A worker for orders, whose renders end when they may."""
    await register_search_attributes(temporal)
    script = Script(database)
    acts = OrderActivities(database=database, payments=account, terms=TERMS)
    async with Worker(
        temporal,
        task_queue=queues.CONTROL,
        workflows=[HdOrder, ScriptedRender],
        activities=[acts.open_checkout, acts.reconcile_order, acts.prepare_hd, script.render],
        workflow_runner=workflow_runner(),
    ):
        yield script
        script.may_end.set()


@pytest.fixture
def world(
    database: Database,
    objects: S3Store,
    account: StripePayments,
    temporal: Client,
    script: Script,
) -> World:
    """Orders are real workflows, and the account is at the simulator."""
    commands = TemporalOrders(temporal, patience_seconds=PATIENCE)
    return World(database, objects, orders=commands, payments=account)


@dataclass
class Shop:
    """Stripe, and the API as it is reached from there and from a browser."""

    stripe: httpx.AsyncClient
    http: httpx.AsyncClient

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        reply = await self.stripe.post(f"/simulator/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def look(self, path: str, **query: str) -> dict[str, Any]:
        return dict((await self.stripe.get(f"/simulator/{path}", params=query)).json())

    async def plan(self, *faults: dict[str, Any]) -> None:
        await self.control("faults", faults=list(faults))

    async def session_of(self, order: dict[str, Any]) -> dict[str, Any]:
        [session] = (await self.look("ledger", reference=order["id"]))["sessions"]
        return dict(session)

    async def pay(self, order: dict[str, Any], how: str = "card") -> httpx.Response:
        """Press a button of the page, as a browser does."""
        return await self.stripe.post(
            order["checkout_url"], data={"how": how, "email": "ada@example.org"}
        )

    async def order(self, order: dict[str, Any]) -> dict[str, Any]:
        return dict((await self.http.get(order["links"]["self"])).json())

    async def until(self, order: dict[str, Any], *statuses: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while (told := await self.order(order))["status"] not in statuses:
                await asyncio.sleep(0.05)
        return told

    async def until_session(self, order: dict[str, Any], status: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await self.session_of(order))["status"] != status:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def door(http: httpx.AsyncClient) -> AsyncIterator[str]:
    """An address at which what comes in is handed to the API as it is."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        length = next(int(v) for name, v in headers.items() if name.lower() == "content-length")
        request = http.build_request(
            "POST", WEBHOOK, headers=headers, content=await reader.readexactly(length)
        )
        del request.headers["Authorization"]
        reply = await http.send(request)
        writer.write(f"HTTP/1.1 {reply.status_code} Said\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{WEBHOOK}"


@pytest.fixture
async def shop(simulator: str, http: httpx.AsyncClient) -> AsyncIterator[Shop]:
    """Its webhooks reach the API."""
    async with (
        httpx.AsyncClient(base_url=simulator, timeout=PATIENCE, trust_env=False) as stripe,
        door(http) as url,
    ):
        shop = Shop(stripe, http)
        await shop.control("webhooks/endpoint", url=url, secret=SECRET)
        yield shop
        await shop.control("webhooks/endpoint")
        await shop.control("webhooks/wait", seconds=60)


async def test_what_is_paid_on_the_page_is_delivered(
    shop: Shop, http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, script: Script
) -> None:
    """However the webhooks come: twice, late, in another order."""
    await shop.plan(
        {"kind": "webhook_duplicate", "event": "*", "times": 2, "count": None},
        {"kind": "webhook_reorder", "event": "charge.*"},
        {"kind": "webhook_lost_reply", "event": "checkout.session.*"},
    )
    hd = f"{restoration['links']['self']}/hd"
    order = await buy(restoration)
    assert (await http.get(hd)).status_code == 402
    assert (await buy(restoration))["checkout_url"] == order["checkout_url"]
    back = await shop.pay(order)
    assert back.status_code == 303
    assert SUCCESS_PAGE.format(order_id=order["id"]) in back.headers["location"]
    assert "session_id=cs_" in back.headers["location"]
    await shop.until(order, "paid", "rendering")
    assert (await http.get(hd)).status_code == 409
    script.may_end.set()
    done = await shop.until(order, "delivered")
    assert done["hd"]["state"] == "ready"
    assert (await http.get(hd)).json()["order_id"] == order["id"]
    [payment] = (await shop.look("ledger", reference=order["id"]))["payments"]
    assert (payment["captured"], payment["refunded"]) == (order["amount"], 0)


async def test_without_any_webhook_the_page_after_the_payment_is_enough(
    shop: Shop, http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, script: Script
) -> None:
    await shop.plan({"kind": "webhook_loss", "event": "*", "count": None})
    script.may_end.set()
    order = await buy(restoration)
    location = (await shop.pay(order)).headers["location"]
    path = httpx.URL(location).raw_path.decode()
    assert (await http.get(path)).status_code == 200
    await shop.until(order, "delivered")


async def test_what_is_not_from_stripe_or_not_for_us_changes_nothing(
    shop: Shop, restoration: dict[str, Any], buy: Any
) -> None:
    await shop.plan({"kind": "webhook_loss", "event": "*", "count": None})
    order = await buy(restoration)
    await shop.pay(order)
    deliveries = (await shop.look("webhooks"))["deliveries"]
    [event] = [each for each in deliveries if each["type"] == "checkout.session.completed"]

    async def answers(**how: Any) -> list[Any]:
        told = await shop.control("webhooks/send", event=event["id"], **how)
        return [each["status"] for each in told["answers"]]

    assert await answers(signature="wrong") == [401]
    assert await answers(signature="none") == [400]
    assert await answers(seconds=-400) == [401]
    assert await answers(seconds=600) == [401]
    assert await answers(account="acct_another") == [401]
    assert await answers(livemode=True) == [401]
    assert (await shop.order(order))["status"] == "awaiting_payment"
    assert await answers(times=3) == [200, 200, 200]
    await shop.until(order, "paid", "rendering")


async def test_money_given_back_by_hand_takes_the_right_away(
    shop: Shop, http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, script: Script
) -> None:
    script.may_end.set()
    order = await buy(restoration)
    await shop.pay(order)
    await shop.until(order, "delivered")
    session = await shop.session_of(order)
    await shop.control("refunds", session=session["id"])
    told = await shop.until(order, "refunded")
    assert (told["hd_url"], told["links"]["hd"]) == (None, None)
    assert (await http.get(f"{restoration['links']['self']}/hd")).status_code == 402


async def test_while_stripe_is_away_the_order_waits_and_the_same_request_works_later(
    shop: Shop, http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    away = {"kind": "reset", "route": "POST /v1/checkout/sessions", "count": None}
    await shop.plan(away)
    wish, key = {"attempt_id": restoration["id"]}, {"Idempotency-Key": str(uuid4())}
    reply = await http.post(job["links"]["checkout"], json=wish, headers=key)
    assert (reply.status_code, reply.json()["code"]) == (503, "payments_unavailable")
    assert int(reply.headers["retry-after"]) > 0
    [order] = (await http.get("/api/v1/orders")).json()["orders"]
    assert order["status"] == "created"
    await shop.plan()
    reply = await http.post(job["links"]["checkout"], json=wish, headers=key)
    assert reply.status_code == 201
    assert reply.json()["id"] == order["id"]
    assert (await shop.session_of(order))["status"] == "open"


async def test_the_page_of_an_order_that_was_given_up_is_closed(
    shop: Shop, http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any
) -> None:
    order = await buy(restoration)
    assert (await http.post(order["links"]["cancel"])).json()["status"] == "expired"
    await shop.until_session(order, "expired")
    assert (await shop.pay(order)).status_code == 410


async def test_another_currency_closes_the_page_of_the_first(
    shop: Shop, restoration: dict[str, Any], buy: Any
) -> None:
    dollars = await buy(restoration)
    euros = await buy(restoration, currency="eur")
    await shop.until_session(dollars, "expired")
    session = await shop.session_of(euros)
    assert (session["status"], session["currency"]) == ("open", "eur")

"""`rekindle orders`: seeing, auditing, giving back, waking; on real rows and Stripe's simulator."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlmodel import select
from temporalio.client import Client
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.stripe import StripePayments
from rekindle.contracts.orders import OrderStatus, workflow_id
from rekindle.models import Order, OrderRefund
from rekindle.store.database import Database
from rekindle.store.schema import migrate
from simulators.common.clock import Clock
from simulators.stripe.options import Options
from simulators.stripe.server import SimulatorThread
from tests.services.cli.orders_shop import PAST, PRICE, OrderShop

KEY = "sk_test_accountOfTheOperators0123456789"  # pragma: allowlist secret


@pytest.fixture
async def shop(
    fresh_database_url: str,
    cli_variables: dict[str, str],
    temporal: Client,
    temporal_server: EmbeddedTemporal,
    objects: S3Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[OrderShop]:
    """An account that lives two hours ago, so that nothing in it has just changed."""
    monkeypatch.chdir(tmp_path)
    await asyncio.to_thread(migrate, fresh_database_url)
    clock = Clock(base=lambda: time.time() - PAST.total_seconds())
    running = SimulatorThread(Options(data=tmp_path / "stripe", api_key=KEY), clock=clock)
    await asyncio.to_thread(running.__enter__)
    variables = {
        **cli_variables,
        "DATABASE_URL": fresh_database_url,
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_API_URL": running.url,
        "COLUMNS": "40",
    }

    async def run(*arguments: str, **changed: str) -> Result:
        runner = CliRunner(env={**variables, **changed})
        return await asyncio.to_thread(runner.invoke, app, ["orders", *arguments])

    payments = StripePayments(key=KEY, webhook_secret="", api_url=running.url, timeout=60)
    database = Database(fresh_database_url, patience_seconds=60)
    try:
        async with httpx.AsyncClient(base_url=running.url, timeout=60, trust_env=False) as http:
            yield OrderShop(run, database, payments, http, objects, temporal, tmp_path)
    finally:
        await payments.close()
        await database.close()
        await asyncio.to_thread(running.__exit__)


def answer(result: Result, exit_code: int = 0) -> dict[str, Any]:
    assert result.exit_code == exit_code, result.output
    return dict(json.loads(result.stdout))


async def kinds(shop: OrderShop, exit_code: int = 1) -> list[str]:
    """What an audit finds."""
    found = answer(await shop.run("audit", "--json"), exit_code)
    return [each["kind"] for each in found["differences"]]


async def order_of(shop: OrderShop, order_id: object) -> Order:
    async with shop.database.transaction() as session:
        return (await session.execute(select(Order).where(Order.id == order_id))).scalar_one()


async def ledger(shop: OrderShop) -> list[OrderRefund]:
    async with shop.database.transaction() as session:
        return list((await session.execute(select(OrderRefund))).scalars())


async def is_woken(shop: OrderShop, order_id: Any) -> bool:
    handle = shop.temporal.get_workflow_handle(workflow_id(order_id))
    return (await handle.describe()).workflow_type == "HdOrder"


async def test_orders_are_listed_newest_first(shop: OrderShop) -> None:
    assert (await shop.run("list")).stdout == "Nothing was ordered.\n"
    first = await shop.bought()
    second = await shop.bought(OrderStatus.PAID)
    found = answer(await shop.run("list", "--json"))["orders"]
    assert [each["id"] for each in found] == [str(second.order_id), str(first.order_id)]
    assert (found[0]["amount"], found[0]["currency"], found[0]["status"]) == (PRICE, "usd", "paid")
    found = answer(await shop.run("list", "--status", "delivered", "--json"))["orders"]
    assert [each["id"] for each in found] == [str(first.order_id)]
    job_id = found[0]["job_id"]
    assert len(answer(await shop.run("list", "--job", job_id, "--json"))["orders"]) == 1
    assert len(answer(await shop.run("list", "--limit", "1", "--json"))["orders"]) == 1
    table = (await shop.run("list")).stdout
    assert "4.99 USD" in table
    assert str(first.order_id) in table


async def test_an_order_is_shown_with_all_that_belongs_to_it(shop: OrderShop) -> None:
    sold = await shop.bought()
    await shop.run("refund", str(sold.order_id), "--amount", "100", "--yes")
    await shop.sql(
        "insert into payment_events (event_id, kind, order_id) values ('evt_1', 'k', :id)",
        id=sold.order_id,
    )
    found = answer(await shop.run("show", str(sold.order_id), "--json"))
    assert found["entitlement"]["object_key"] == sold.key
    assert [(each["number"], each["amount"]) for each in found["refunds"]] == [(1, 100)]
    assert [each["id"] for each in found["events"]] == ["evt_1"]
    assert found["session_ids"] == [sold.session_id]
    assert "example.org" not in json.dumps(found)
    shown = (await shop.run("show", str(sold.order_id))).stdout
    for words in ("4.99 USD", "1.00 USD", sold.key, "evt_1", "HD attempt: none"):
        assert words in shown


@pytest.mark.parametrize("command", ["show", "wake", "refund"])
async def test_an_unknown_order_is_one_sentence(shop: OrderShop, command: str) -> None:
    result = await shop.run(command, str(uuid4()), "--json")
    assert answer(result, 1)["code"] == "order_not_found"


async def test_an_order_is_woken(shop: OrderShop) -> None:
    sold = await shop.bought(OrderStatus.PAID)
    assert answer(await shop.run("wake", str(sold.order_id), "--json"))["status"] == "woken"
    assert await is_woken(shop, sold.order_id)


async def test_an_account_that_is_right_passes_the_audit(shop: OrderShop) -> None:
    await shop.bought()
    await shop.bought(OrderStatus.PAID)
    result = await shop.run("audit")
    assert result.exit_code == 0, result.output
    assert "2 orders and 2 payments since" in result.stdout
    assert "no differences." in result.stdout
    assert await kinds(shop, 0) == []


CORRUPTIONS = {
    "awaiting": ("status = 'awaiting_payment', payment_id = null", "wrong_sum"),
    "expired": ("status = 'expired', closed_at = created_at", "wrong_sum"),
    "hd failed": ("hd = 'failed'", "wrong_sum"),
    "price": ("amount = amount + 1", "wrong_amount"),
    "currency": ("currency = 'eur'", "wrong_amount"),
    "payment": ("payment_id = 'pi_other'", "order_without_money"),
}


@pytest.mark.parametrize(("change", "kind"), CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
async def test_a_row_that_was_changed_by_hand_is_found(
    shop: OrderShop, change: str, kind: str
) -> None:
    await shop.bought()
    sold = await shop.bought(OrderStatus.PAID)
    await sold.sql(change)
    found = answer(await shop.run("audit", "--json"), 1)
    assert [(d["kind"], d["order_id"]) for d in found["differences"]] == [
        (kind, str(sold.order_id))
    ]
    table = await shop.run("audit")
    assert table.exit_code == 1
    assert kind in table.stdout
    assert "1 difference." in table.stdout


async def test_rights_and_objects_are_audited(shop: OrderShop) -> None:
    sold = await shop.bought()
    await shop.objects.delete(sold.key)
    assert await kinds(shop) == ["hd_missing"]
    await shop.sql("update jobs set status = 'deleted'")
    assert await kinds(shop, 0) == []
    await shop.sql("delete from entitlements")
    assert await kinds(shop) == ["delivered_but_locked"]


async def test_money_of_nobody_is_found(shop: OrderShop) -> None:
    sold = await shop.bought(OrderStatus.PAID)
    await shop.sql("delete from orders")
    found = answer(await shop.run("audit", "--json"), 1)["differences"]
    assert [(d["kind"], d["about"], d["amount"]) for d in found] == [
        ("money_without_order", sold.payment_id, PRICE)
    ]


async def test_what_was_done_by_hand_at_the_provider_is_told_and_is_not_wrong(
    shop: OrderShop,
) -> None:
    sold = await shop.bought()
    await shop.control("refunds", session=sold.session_id, amount=100)
    other = await shop.bought(OrderStatus.DISPUTED)
    await shop.control("disputes", session=other.session_id)
    found = answer(await shop.run("audit", "--json"))
    assert found["status"] == "right"
    assert {each["kind"] for each in found["differences"]} == {"refund_unknown", "dispute_open"}
    assert all(each["is_information"] for each in found["differences"])
    assert "no differences, 2 to know of." in (await shop.run("audit")).stdout


async def test_an_older_order_is_audited_whole_when_money_of_it_moves(shop: OrderShop) -> None:
    sold = await shop.bought()
    await sold.sql("created_at = created_at - interval '3 days'")
    assert (await shop.run("audit", "--days", "1")).exit_code == 0
    await sold.sql("amount = amount + 1")
    found = answer(await shop.run("audit", "--days", "1", "--json"), 1)
    assert [each["kind"] for each in found["differences"]] == ["wrong_amount"]


async def test_half_an_audit_is_none(shop: OrderShop) -> None:
    await shop.bought()
    fault = {"kind": "server_error", "route": "GET /v1/refunds", "count": None}
    await shop.control("faults", faults=[fault])
    result = await shop.run("audit", "--json")
    assert answer(result, 1)["code"] == "payments_unavailable"
    result = await shop.run("audit", "--json", STRIPE_SECRET_KEY="")
    assert answer(result, 2)["code"] == "not_connected"


async def test_a_part_is_given_back_once_it_is_written_down(shop: OrderShop) -> None:
    sold = await shop.bought()
    result = await shop.run(
        *("refund", str(sold.order_id), "--amount", "100"),
        *("--reason", "a scratch, told by ada@example.org", "--yes", "--json"),
    )
    told = answer(result)
    assert (told["amount"], told["is_whole"]) == (100, False)
    assert "a scratch" in result.stderr
    assert "ada@example.org" not in result.output
    (row,) = await ledger(shop)
    assert (row.amount, row.reason, row.refund_id) == (100, "operator", None)
    assert (await order_of(shop, sold.order_id)).closed_at is None
    assert await is_woken(shop, sold.order_id)


@pytest.mark.parametrize("amount", [(), ("--amount", str(PRICE))], ids=["all", "all by amount"])
async def test_all_is_given_back_by_ending_the_order(
    shop: OrderShop, amount: tuple[str, ...]
) -> None:
    sold = await shop.bought()
    told = answer(await shop.run("refund", str(sold.order_id), *amount, "--yes", "--json"))
    assert (told["amount"], told["is_whole"]) == (PRICE, True)
    assert (await order_of(shop, sold.order_id)).closed_at is not None
    assert await ledger(shop) == []
    assert await is_woken(shop, sold.order_id)
    again = await shop.run("refund", str(sold.order_id), "--yes", "--json")
    assert answer(again, 1)["code"] == "order_over"


async def test_nothing_is_given_back_without_a_yes(shop: OrderShop) -> None:
    sold = await shop.bought()
    result = await shop.run("refund", str(sold.order_id), "--amount", "100")
    assert result.exit_code == 2
    assert "1.00 USD goes back, 3.99 USD stays paid" in result.stderr
    result = await shop.run("refund", str(sold.order_id), "--json")
    assert answer(result, 2)["code"] == "not_confirmed"
    assert await ledger(shop) == []
    assert (await order_of(shop, sold.order_id)).closed_at is None


async def test_money_that_is_contested_or_not_there_is_not_given_back(shop: OrderShop) -> None:
    sold = await shop.bought()
    too_much = await shop.run("refund", str(sold.order_id), "--amount", "500", "--yes", "--json")
    assert answer(too_much, 1)["code"] == "too_much"
    dispute = await shop.control("disputes", session=sold.session_id)
    for amount in ((), ("--amount", "100")):
        result = await shop.run("refund", str(sold.order_id), *amount, "--yes", "--json")
        assert answer(result, 1)["code"] == "dispute_open"
    await shop.control(f"disputes/{dispute['id']}", status="lost")
    result = await shop.run("refund", str(sold.order_id), "--yes", "--json")
    assert answer(result, 1)["code"] == "nothing_to_refund"
    assert await ledger(shop) == []
    assert (await order_of(shop, sold.order_id)).closed_at is None


async def test_parts_that_were_asked_for_are_no_longer_there_to_give(shop: OrderShop) -> None:
    sold = await shop.bought()
    for amount, exit_code in (("300", 0), ("300", 1), ("100", 0)):
        result = await shop.run("refund", str(sold.order_id), "--amount", amount, "--yes")
        assert result.exit_code == exit_code, result.output
    assert [each.amount for each in await ledger(shop)] == [300, 100]

"""`rekindle costs --by order`: what orders brought, and what their GPU time cost."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from rekindle.contracts.orders import hd_attempt_id
from rekindle.contracts.statuses import AttemptKind
from rekindle.models import Attempt, GpuUse, Order, OrderRefund
from rekindle.store.database import Database
from rekindle.store.schema import migrate
from tests.services.rows import stored_job

Rekindle = Callable[..., Awaitable[Result]]
DOLLAR_SECONDS = 10_000
"""GPU seconds that cost one dollar at the rate below."""


@pytest.fixture
def rekindle(fresh_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rekindle:
    monkeypatch.chdir(tmp_path)

    async def invoke(*arguments: str) -> Result:
        runner = CliRunner(env={"DATABASE_URL": fresh_database_url, "COLUMNS": "40"})
        return await asyncio.to_thread(runner.invoke, app, ["costs", "--by", "order", *arguments])

    return invoke


@pytest.fixture
async def sold(fresh_database_url: str) -> dict[str, UUID]:
    """Orders of an animation and of the restoration it was made from, paid two hours ago."""
    await asyncio.to_thread(migrate, fresh_database_url)
    database = Database(fresh_database_url, patience_seconds=60)
    restored, animated = uuid4(), uuid4()
    orders = {
        "clip": order(animated, 999),
        "picture": order(restored, 499, currency="eur"),
        "partly": order(uuid4(), 499),
        "refunded": order(uuid4(), 499, status="refunded"),
        "unpaid": order(uuid4(), 499, paid_at=None),
        "older": order(uuid4(), 499, paid_at=datetime.now(UTC) - timedelta(days=8)),
    }
    async with database.transaction() as session:
        job = await _job(session)
        session.add(attempt(job, restored, AttemptKind.RESTORE))
        await session.flush()
        session.add(attempt(job, animated, AttemptKind.ANIMATION, source_id=restored))
        session.add_all(orders.values())
        await session.flush()
        session.add_all(
            [
                use(restored, 1, 0.5),
                use(animated, 1, 1),
                use(animated, 2, 1),
                use(hd_attempt_id(orders["clip"].id), 1, 2),
                use(hd_attempt_id(orders["picture"].id), 1, 0.25),
                use(hd_attempt_id(orders["partly"].id), 1, 9, usd_per_hour=None),
                refund(orders["partly"], 1, 100),
                refund(orders["partly"], 2, 200, void_at=datetime.now(UTC)),
                refund(orders["partly"], 3, 50, payment_id="pi_second"),
            ]
        )
    await database.close()
    return {name: each.id for name, each in orders.items()}


def order(attempt_id: UUID, amount: int, **facts: Any) -> Order:
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "product": "hd_image",
        "currency": "usd",
        "price_version": "1",
        "status": "delivered",
        "payment_id": "pi_1",
        "expires_at": now,
        "paid_at": now - timedelta(hours=2),
    }
    return Order(id=uuid4(), attempt_id=attempt_id, amount=amount, **values | facts)


def attempt(job_id: UUID, attempt_id: UUID, kind: AttemptKind, **facts: Any) -> Attempt:
    return Attempt(
        id=attempt_id,
        job_id=job_id,
        kind=kind,
        graph="g",
        graph_version="1",
        gpu_class="image",
        priority=3,
        parameters={},
        stamp=str(attempt_id),
        **facts,
    )


def use(attempt_id: UUID, try_number: int, usd: float, **facts: Any) -> GpuUse:
    values: dict[str, Any] = {"pod_id": "p", "gpu_class": "image", "graph": "g"}
    values |= {"usd_per_hour": Decimal("0.36"), "gpu_seconds": usd * DOLLAR_SECONDS}
    return GpuUse(attempt_id=attempt_id, try_number=try_number, **values | facts)


def refund(of: Order, number: int, amount: int, **facts: Any) -> OrderRefund:
    values: dict[str, Any] = {"payment_id": "pi_1", "reason": "operator"}
    return OrderRefund(order_id=of.id, number=number, amount=amount, **values | facts)


async def _job(session: Any) -> UUID:
    return (await stored_job(session)).id


async def test_an_order_bears_its_hd_what_was_sold_and_what_that_was_made_from(
    rekindle: Rekindle, sold: dict[str, UUID]
) -> None:
    result = await rekindle("--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    found = {each["id"]: each for each in document["orders"]}
    assert set(found) == {str(sold[name]) for name in ("clip", "picture", "partly", "refunded")}
    told = {
        name: tuple(found[str(sold[name])][key] for key in ("kept", "gpu_usd", "margin_usd"))
        for name in ("clip", "picture", "partly", "refunded")
    }
    assert told == {
        "clip": ("9.99", "4.500000", "5.490000"),
        "picture": ("4.99", "0.750000", None),
        "partly": ("3.99", "0.000000", "3.990000"),
        "refunded": ("0", "0.000000", "0.000000"),
    }
    assert document["total"] == {
        "orders": 4,
        "kept": {"eur": "4.99", "usd": "13.98"},
        "gpu_usd": "5.250000",
    }


async def test_margins_are_shown(rekindle: Rekindle, sold: dict[str, UUID]) -> None:
    shown = (await rekindle()).stdout
    for words in (str(sold["clip"]), "9.99 USD", "5.4900 USD", "4.99 EUR"):
        assert words in shown
    assert "4 orders: 4.99 EUR, 13.98 USD kept before fees, $5.25 for GPUs." in shown
    assert "No order was paid." in (await rekindle("--since", "1h")).stdout

"""`rekindle orders list`."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deploy.cli.operating import OperatorDataOption, open_transaction, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.orders.describing import document, money
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import print_table, short

if TYPE_CHECKING:
    from rekindle.models import Order


class Status(StrEnum):
    """Where an order stands; the values are those of `rekindle.contracts.orders.OrderStatus`."""

    CREATED = "created"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    RENDERING = "rendering"
    DELIVERED = "delivered"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


def list_orders(
    status: Annotated[Status | None, typer.Option(help="Only those that stand so.")] = None,
    job: Annotated[UUID | None, typer.Option(metavar="JOB_ID", help="Only those of a job.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List orders, newest first."""
    with reported(as_json=as_json):
        found = asyncio.run(_read(status, job, limit, data))
        if as_json:
            answer_json({"orders": [document(each) for each in found]})
        elif not found:
            typer.echo("There is no such order." if status or job else "Nothing was ordered.")
        else:
            headings = ("order", "product", "price", "status", "HD", "ordered", "changed")
            print_table(headings, [_row(each) for each in found])


async def _read(
    status: Status | None, job_id: UUID | None, limit: int, data: Path | None
) -> Sequence["Order"]:
    from rekindle.contracts.orders import OrderStatus
    from rekindle.store import order_records

    async with open_transaction(operator_settings(data)) as session:
        wanted = OrderStatus(status.value) if status else None
        return await order_records.newest(session, status=wanted, job_id=job_id, limit=limit)


def _row(order: "Order") -> tuple[str, ...]:
    return (
        str(order.id),
        order.product,
        money(order.amount, order.currency),
        order.status,
        order.hd,
        short(order.created_at),
        short(order.updated_at),
    )

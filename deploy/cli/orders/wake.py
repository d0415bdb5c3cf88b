"""`rekindle orders wake`."""

import asyncio
from pathlib import Path
from uuid import UUID

import typer

from deploy.cli.operating import (
    OperatorDataOption,
    connect_temporal,
    open_transaction,
    operator_settings,
)
from deploy.cli.options import JsonOption
from deploy.cli.orders.describing import NoSuchOrder, OrderArgument
from deploy.cli.reporting import answer_json, reported


def wake(
    order_id: OrderArgument, data: OperatorDataOption = None, as_json: JsonOption = False
) -> None:
    """Have an order look at the payment provider anew. Returns before it has."""
    with reported(as_json=as_json):
        asyncio.run(_wake(order_id, data))
        if as_json:
            answer_json({"status": "woken", "id": str(order_id)})
        else:
            typer.echo(f"{order_id}  woken")


async def _wake(order_id: UUID, data: Path | None) -> None:
    from rekindle.adapters.order_workflows import TemporalOrders
    from rekindle.store import orders

    settings = operator_settings(data)
    async with open_transaction(settings) as session:
        if await orders.by_id(session, order_id) is None:
            raise NoSuchOrder(order_id)
    await TemporalOrders(await connect_temporal(settings)).wake(order_id)

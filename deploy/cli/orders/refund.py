"""`rekindle orders refund`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deploy.cli.confirming import confirm
from deploy.cli.operating import (
    OperatorDataOption,
    connect_temporal,
    open_database,
    open_payments,
    operator_settings,
)
from deploy.cli.options import JsonOption
from deploy.cli.orders.describing import OrderArgument, money
from deploy.cli.reporting import answer_json, reported

if TYPE_CHECKING:
    from deploy.cli.orders.refunding import Plan


def refund(
    order_id: OrderArgument,
    amount: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="A part, in the currency's smallest unit (cents); the person keeps the HD. "
            "Without it everything goes back, and the HD is locked.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; goes to the log alone, so name nobody.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give money back: all of an order, or a part. Says what will happen, and asks first.

    Returns when it is written down; the order then has it done, whatever crashes. While a payment
    is contested nothing is given back, since the bank may take it as well. What failed too often is
    asked for once more: all of it, or, with its amount, the share of an album's photo.
    """
    with reported(as_json=as_json):
        plan = asyncio.run(_plan(order_id, amount, data))
        confirm(_sentence(plan), is_sure=yes, may_ask=not as_json)
        asyncio.run(_carry_out(plan, reason, data))
        if as_json:
            answer_json(_document(plan))
        else:
            typer.echo(f"{order_id}  {money(plan.amount, plan.currency)} goes back")


async def _plan(order_id: UUID, amount: int | None, data: Path | None) -> "Plan":
    from deploy.cli.orders.refunding import plan

    settings = operator_settings(data)
    async with open_database(settings) as database, open_payments(settings) as payments:
        return await plan(database, payments, order_id, amount)


def _sentence(plan: "Plan") -> str:
    back = money(plan.amount, plan.currency)
    if plan.is_whole:
        return f"{back} goes back, the order {plan.order_id} ends, and its HD is locked for good."
    left = money(plan.left - plan.amount, plan.currency)
    if plan.item is not None:
        return f"{back} goes back, the share of photo {plan.item}, which failed; {left} stays paid."
    return f"{back} goes back, {left} stays paid, and the HD of {plan.order_id} stays readable."


async def _carry_out(plan: "Plan", reason: str, data: Path | None) -> None:
    from deploy.cli.orders.refunding import write
    from rekindle.adapters.order_workflows import TemporalOrders

    settings = operator_settings(data)
    async with open_database(settings) as database:
        await write(database, plan, reason)
    await TemporalOrders(await connect_temporal(settings)).wake(plan.order_id)


def _document(plan: "Plan") -> dict[str, Any]:
    return {
        "status": "refunding",
        "id": str(plan.order_id),
        "payment_id": plan.payment_id,
        "amount": plan.amount,
        "currency": plan.currency,
        "is_whole": plan.is_whole,
        "item": plan.item,
    }

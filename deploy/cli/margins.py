"""`rekindle costs --by order`: what each order brought, and what its GPU time cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deploy.cli.operating import open_transaction, operator_settings
from deploy.cli.units import NONE, counted, dollars, exact, print_period, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from rekindle.rules.costs import Period
    from rekindle.rules.margins import OrderMargin


async def read_margins(
    since: "timedelta", data: Path | None
) -> "tuple[Period, Sequence[OrderMargin]]":
    """Orders that were paid so lately.

    Args:
        since: how far back.
        data: folder of a running stack.
    """
    from rekindle.rules.costs import Period
    from rekindle.store import costs, margins

    async with open_transaction(operator_settings(data)) as session:
        period = Period.last(since, await costs.now(session))
        return period, await margins.of_orders(session, period)


def margins_document(period: "Period", found: "Sequence[OrderMargin]") -> dict[str, Any]:
    """For JSON; exact money is text."""
    from rekindle.rules.margins import kept_by_currency

    return {
        "since": period.begin.isoformat(),
        "until": period.end.isoformat(),
        "by": "order",
        "total": {
            "orders": len(found),
            "kept": {name: str(kept) for name, kept in kept_by_currency(found).items()},
            "gpu_usd": f"{sum(each.gpu_usd for each in found):.6f}",
        },
        "orders": [_entry(each) for each in found],
    }


def show_margins(period: "Period", found: "Sequence[OrderMargin]") -> None:
    """For people."""
    from rekindle.rules.margins import kept_by_currency

    print_period(period)
    if not found:
        typer.echo("No order was paid.")
        return
    headings = ("order", "product", "status", "kept", "GPUs", "margin")
    print_table(headings, [_row(each) for each in found])
    kept = ", ".join(f"{kept} {name.upper()}" for name, kept in kept_by_currency(found).items())
    typer.echo(
        f"\n{counted(len(found), 'order')}: {kept} kept before fees, "
        f"{dollars(sum((each.gpu_usd for each in found), start=found[0].gpu_usd * 0))} for GPUs."
    )


def _entry(each: "OrderMargin") -> dict[str, Any]:
    return {
        "id": str(each.order_id),
        "product": each.product,
        "status": each.status,
        "paid_at": each.paid_at.isoformat(),
        "price": each.price,
        "given_back": each.given_back,
        "currency": each.currency,
        "kept": str(each.kept),
        "gpu_usd": exact(each.gpu_usd),
        "margin_usd": exact(each.margin_usd),
    }


def _row(each: "OrderMargin") -> tuple[str, ...]:
    margin = each.margin_usd
    return (
        str(each.order_id),
        each.product,
        each.status,
        f"{each.kept} {each.currency.upper()}",
        dollars(each.gpu_usd),
        NONE if margin is None else f"{margin:.4f} USD",
    )

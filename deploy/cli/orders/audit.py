"""`rekindle orders audit`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.operating import (
    OperatorDataOption,
    open_database,
    open_payments,
    operator_settings,
)
from deploy.cli.options import JsonOption
from deploy.cli.orders.describing import money
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import NONE, counted, print_table

if TYPE_CHECKING:
    from deploy.cli.orders.auditing import Audit
    from rekindle.rules.audit import Difference

_MEANINGS = {
    "money_without_order": "money is kept of which no order knows",
    "order_without_money": "the order counts as paid, its payment is not there",
    "unlocked_without_payment": "HD may be read, and no money is kept for it",
    "delivered_but_locked": "HD was paid and delivered, and may not be read",
    "wrong_sum": "kept is neither the price of HD that can be had (of several, their shares), "
    "nor zero without",
    "wrong_amount": "another amount or currency than the order's",
    "two_payments": "more than one payment is kept",
    "refund_unanswered": "a refund of our ledger was not made, or its answer is not known",
    "refund_failed": "a refund failed, and none took its place",
    "refund_missing": "our ledger names a refund that the provider does not have",
    "refund_twice": "two refunds were made for one row of our ledger",
    "refund_unknown": "a refund that our ledger does not have, as one made by hand",
    "hd_missing": "HD may be read, and the object is gone",
    "session_open": "a page can still be paid that must not be",
    "dispute_open": "a payment is contested",
}
"""What each kind means; the words are those of `rekindle.rules.audit.DifferenceKind`."""


def audit(
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back.")] = 30,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay orders, entitlements and refunds beside the payment provider's whole account.

    Changes nothing. What moved in the last 15 minutes may be on its way, and is let be. Exit code:
    0 when all is right (what is marked as information is), 1 when something is not.
    """
    with reported(as_json=as_json):
        found = asyncio.run(_audit(days, data))
        wrong = sum(not each.kind.is_information for each in found.differences)
        if as_json:
            answer_json(_document(found, wrong))
        else:
            _show(found, wrong)
        if wrong:
            raise typer.Exit(1)


async def _audit(days: int, data: Path | None) -> "Audit":
    from datetime import UTC, datetime, timedelta

    from deploy.cli.orders.auditing import audited
    from rekindle.wiring.parts import object_store

    settings = operator_settings(data)
    now = datetime.now(UTC)
    async with open_database(settings) as database, open_payments(settings) as payments:
        objects = object_store(settings)
        since = now - timedelta(days=days)
        return await audited(database, payments, objects, since=since, now=now)


def _document(found: "Audit", wrong: int) -> dict[str, Any]:
    return {
        "status": "differences" if wrong else "right",
        "since": found.since.isoformat(),
        "orders": found.orders,
        "payments": found.payments,
        "differences": [
            {
                "kind": each.kind.value,
                "is_information": each.kind.is_information,
                "order_id": str(each.order_id) if each.order_id else None,
                "about": each.about,
                "amount": each.amount,
                "currency": each.currency or None,
                "meaning": _MEANINGS[each.kind],
            }
            for each in found.differences
        ],
    }


def _show(found: "Audit", wrong: int) -> None:
    if found.differences:
        headings = ("order", "difference", "about", "amount", "meaning")
        print_table(headings, [_row(each) for each in found.differences])
        typer.echo("")
    told = len(found.differences) - wrong
    typer.echo(
        f"{counted(found.orders, 'order')} and {counted(found.payments, 'payment')} since "
        f"{found.since:%Y-%m-%d %H:%M} UTC: {counted(wrong, 'difference')}"
        + (f", {told} to know of." if told else ".")
    )


def _row(each: "Difference") -> tuple[str, ...]:
    return (
        str(each.order_id) if each.order_id else NONE,
        each.kind.value + (" (information)" if each.kind.is_information else ""),
        each.about or NONE,
        money(each.amount, each.currency) if each.amount else NONE,
        _MEANINGS[each.kind],
    )

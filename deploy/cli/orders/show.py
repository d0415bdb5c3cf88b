"""`rekindle orders show`."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

from deploy.cli.operating import OperatorDataOption, open_transaction, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.orders.describing import NoSuchOrder, OrderArgument, document, money
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import NONE, iso, print_table

if TYPE_CHECKING:
    from rekindle.models import Attempt, Entitlement, OrderItem, OrderRefund, PaymentEventRecord
    from rekindle.store.order_records import OrderRecord


def show(
    order_id: OrderArgument, data: OperatorDataOption = None, as_json: JsonOption = False
) -> None:
    """Show all that we know of an order: row, ledger, entitlement, HD, events. Asks nobody else."""
    with reported(as_json=as_json):
        found = _document(asyncio.run(_read(order_id, data)))
        if as_json:
            answer_json(found)
        else:
            _show(found)


async def _read(order_id: UUID, data: Path | None) -> "OrderRecord":
    from rekindle.store import order_records

    async with open_transaction(operator_settings(data)) as session:
        found = await order_records.record(session, order_id)
    if found is None:
        raise NoSuchOrder(order_id)
    return found


def _document(found: "OrderRecord") -> dict[str, Any]:
    return {
        **document(found.order),
        "items": [_item(each) for each in found.items],
        "refunds": [_refund(each) for each in found.ledger],
        "entitlement": _entitlement(found.entitlement) if found.entitlement else None,
        "hd_attempt": _attempt(found.hd) if found.hd else None,
        "events": [_event(each) for each in found.events],
    }


def _item(row: "OrderItem") -> dict[str, Any]:
    return {
        "number": row.number,
        "job_id": str(row.job_id) if row.job_id else None,
        "attempt_id": str(row.attempt_id),
        "share": row.share,
        "hd": row.hd,
        "error_code": row.error_code,
        "object_key": row.object_key,
        "granted_at": iso(row.granted_at),
        "revoked_at": iso(row.revoked_at),
        "closed_at": iso(row.closed_at),
    }


def _refund(row: "OrderRefund") -> dict[str, Any]:
    return {
        "number": row.number,
        "item": row.item,
        "payment_id": row.payment_id,
        "amount": row.amount,
        "reason": row.reason,
        "refund_id": row.refund_id,
        "created_at": iso(row.created_at),
        "answered_at": iso(row.answered_at),
        "void_at": iso(row.void_at),
    }


def _entitlement(row: "Entitlement") -> dict[str, Any]:
    return {
        "object_key": row.object_key,
        "granted_at": iso(row.granted_at),
        "revoked_at": iso(row.revoked_at),
    }


def _attempt(row: "Attempt") -> dict[str, Any]:
    return {
        "id": str(row.id),
        "status": row.status,
        "stage": row.stage,
        "graph": row.graph,
        "graph_version": row.graph_version,
        "try": row.try_number,
        "pod_id": row.pod_id,
        "error_code": row.error_code,
        "created_at": iso(row.created_at),
        "finished_at": iso(row.finished_at),
    }


def _event(row: "PaymentEventRecord") -> dict[str, Any]:
    return {
        "id": row.event_id,
        "kind": row.kind,
        "payment_id": row.payment_id,
        "received_at": iso(row.received_at),
        "handled_at": iso(row.handled_at),
    }


def _show(found: dict[str, Any]) -> None:
    currency = str(found["currency"])
    shown = {**found, "amount": money(int(found["amount"]), currency)}
    print_table(("order", str(found["id"])), list(_lines(shown)))
    refunds = [{**each, "amount": money(each["amount"], currency)} for each in found["refunds"]]
    items = [{**each, "share": money(each["share"], currency)} for each in found["items"]]
    for title, rows in (
        *([("items", items)] if items else []),
        ("refunds", refunds),
        ("entitlement", [found["entitlement"]] if found["entitlement"] else []),
        ("HD attempt", [found["hd_attempt"]] if found["hd_attempt"] else []),
        ("events", found["events"]),
    ):
        typer.echo(f"\n{title}:" if rows else f"\n{title}: none")
        if rows:
            print_table(list(rows[0]), [[_text(v) for v in each.values()] for each in rows])


_TABLES = ("items", "refunds", "events")


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if name != "id" and not isinstance(value, dict) and name not in _TABLES:
            yield name, _text(", ".join(value) if isinstance(value, list) else value)


def _text(value: object) -> str:
    return NONE if value in (None, "") else str(value)

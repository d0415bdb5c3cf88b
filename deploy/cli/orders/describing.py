"""Orders as the commands print them."""

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deploy.cli.failures import CommandFailed
from deploy.cli.units import iso

if TYPE_CHECKING:
    from rekindle.models import Order

OrderArgument = Annotated[UUID, typer.Argument(metavar="ORDER_ID", help="The order.")]


class NoSuchOrder(CommandFailed):
    """There is no order of that id."""

    code = "order_not_found"

    def __init__(self, order_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no order {order_id}.")


def money(amount: int, currency: str) -> str:
    """An amount as a person reads it: `4.99 USD`, `750 JPY`.

    Args:
        amount: in the currency's smallest unit.
        currency: ISO 4217; empty where it is not known: then the amount is as it is.
    """
    from rekindle.rules.prices import WHOLE

    if not currency or currency.lower() in WHOLE:
        return f"{amount} {currency.upper()}".strip()
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02} {currency.upper()}"


def document(order: "Order") -> dict[str, Any]:
    """An order's row. Nothing in it tells whose it is."""
    return {
        "id": str(order.id),
        "job_id": str(order.job_id) if order.job_id else None,
        "attempt_id": str(order.attempt_id) if order.attempt_id else None,
        "album_id": str(order.album_id) if order.album_id else None,
        "product": order.product,
        "amount": order.amount,
        "currency": order.currency,
        "price_version": order.price_version,
        "status": order.status,
        "hd": order.hd,
        "error_code": order.error_code,
        "payment_id": order.payment_id,
        "session_ids": list(order.session_ids),
        "expires_at": iso(order.expires_at),
        "created_at": iso(order.created_at),
        "updated_at": iso(order.updated_at),
        "paid_at": iso(order.paid_at),
        "delivered_at": iso(order.delivered_at),
        "closed_at": iso(order.closed_at),
        "version": order.version,
    }

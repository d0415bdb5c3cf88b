"""The commands `rekindle webhooks ...`: what was told to people's servers, and telling it again."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deploy.cli.failures import CommandFailed
from deploy.cli.groups import command_group
from deploy.cli.operating import (
    OperatorDataOption,
    connect_temporal,
    open_transaction,
    operator_settings,
)
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import NONE, iso, print_table, short

if TYPE_CHECKING:
    from rekindle.models import WebhookDelivery

app = command_group("webhooks", "See what users' servers were told, and tell it again.")


class Status(StrEnum):
    """How a delivery's row stands, in words of `contracts.webhooks.DeliveryStatus`."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class NoSuchDelivery(CommandFailed):
    """There is no delivery of that id."""

    code = "delivery_not_found"

    def __init__(self, delivery_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no delivery {delivery_id}.")


@app.command("list")
def list_deliveries(
    status: Annotated[Status | None, typer.Option(help="Only those that stand so.")] = None,
    endpoint: Annotated[
        UUID | None, typer.Option(metavar="ENDPOINT_ID", help="Only those to an endpoint.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deliveries, newest first. Addresses are not shown: they may hold secrets."""
    with reported(as_json=as_json):
        found = asyncio.run(_read(status, endpoint, limit, data))
        if as_json:
            answer_json({"deliveries": [_document(each) for each in found]})
        elif not found:
            typer.echo("There is no such delivery." if status or endpoint else "Nothing was told.")
        else:
            headings = ("delivery", "type", "status", "tries", "answer", "happened", "endpoint")
            print_table(headings, [_row(each) for each in found])


@app.command()
def replay(
    delivery_id: Annotated[UUID, typer.Argument(metavar="DELIVERY_ID", help="The delivery.")],
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a delivery again, at once and however it stood; returns before it is sent.

    The message is the same, under the same id, so that a receiver that has it already knows it.
    """
    with reported(as_json=as_json):
        asyncio.run(_replay(delivery_id, data))
        if as_json:
            answer_json({"status": "replayed", "id": str(delivery_id)})
        else:
            typer.echo(f"{delivery_id}  replayed")


async def _read(
    status: Status | None, endpoint_id: UUID | None, limit: int, data: Path | None
) -> Sequence["WebhookDelivery"]:
    from rekindle.contracts.webhooks import DeliveryStatus
    from rekindle.store import webhook_deliveries

    async with open_transaction(operator_settings(data)) as session:
        return await webhook_deliveries.newest(
            session,
            status=DeliveryStatus(status.value) if status else None,
            endpoint_id=endpoint_id,
            limit=limit,
        )


async def _replay(delivery_id: UUID, data: Path | None) -> None:
    from rekindle.adapters.webhook_workflows import TemporalWebhooks
    from rekindle.store import webhook_deliveries

    settings = operator_settings(data)
    async with open_transaction(settings) as session:
        due = await webhook_deliveries.reopen(session, delivery_id)
    if due is None:
        raise NoSuchDelivery(delivery_id)
    webhooks = TemporalWebhooks(await connect_temporal(settings))
    await webhooks.try_now(due.event_id, due.endpoint_id, due.delivery_id)


def _document(delivery: "WebhookDelivery") -> dict[str, Any]:
    return {
        "id": str(delivery.id),
        "endpoint_id": str(delivery.endpoint_id),
        "type": delivery.type,
        "subject_id": str(delivery.subject_id),
        "status": delivery.status,
        "tries": delivery.tries,
        "last_status": delivery.last_status,
        "last_failure": delivery.last_failure,
        "happened_at": iso(delivery.happened_at),
        "ended_at": iso(delivery.ended_at),
    }


def _row(delivery: "WebhookDelivery") -> tuple[str, ...]:
    answer = delivery.last_status or delivery.last_failure
    return (
        str(delivery.id),
        delivery.type,
        delivery.status,
        str(delivery.tries),
        NONE if answer is None else str(answer),
        short(delivery.happened_at),
        str(delivery.endpoint_id),
    )

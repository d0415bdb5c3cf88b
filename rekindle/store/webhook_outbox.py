"""What is to be told outside, written by the very statement that makes the change.

So nothing is lost between the two, and nothing is told of a change that was rolled back. For a
user without endpoints it writes no row and rings nobody; there is no further statement either way.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Text, case, func, literal, null, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import Uuid
from sqlmodel import col

from rekindle.contracts.events import EventKind
from rekindle.contracts.orders import Product
from rekindle.contracts.webhooks import EndpointStatus, WebhookType
from rekindle.models import Job, OrderItem, WebhookDelivery, WebhookEndpoint

CHANNEL = "webhook_deliveries"
"""What is rung, without any text, when there is something to deliver."""
_KINDS = (
    EventKind.ATTEMPT_SUCCEEDED,
    EventKind.ATTEMPT_FAILED,
    EventKind.ATTEMPT_CANCELED,
    EventKind.ORDER_CHANGED,
)


def is_ever_told(kind: object) -> bool:
    """Whether an event may be told; one whose kind only the database knows may be."""
    return kind in _KINDS if isinstance(kind, EventKind) else True


def outbox(event: CTE) -> CTE:
    """The deliveries of events to their users' endpoints; each state of a thing once.

    Args:
        event: the events that the statement writes, with all that they hold.
    """
    data = event.c.data
    is_order = event.c.kind == EventKind.ORDER_CHANGED
    told = case((is_order, _of_order(data["status"].astext)), else_=event.c.kind)
    subject = case((is_order, sql_cast(data["order_id"].astext, Uuid())), else_=event.c.attempt_id)
    chosen = (
        select(
            col(WebhookEndpoint.id),
            event.c.id,
            event.c.job_id,
            null(),
            subject,
            told,
            data["error_code"].astext,
        )
        .join(Job, col(Job.id) == event.c.job_id)
        .join(WebhookEndpoint, col(WebhookEndpoint.user_id) == col(Job.user_id))
        .where(event.c.kind.in_(_KINDS), *_is_wanted(told))
    )
    return _delivering(chosen).cte("webhook")


def album_outbox(changed: CTE) -> CTE:
    """The deliveries of a changed order over several photos, which is in no job's event log.

    Its buyer is whoever has any of its photos.

    Args:
        changed: orders; those of one photo are left to `outbox`.
    """
    told = _of_order(changed.c.status)
    buyers = (
        select(col(Job.user_id))
        .join(OrderItem, col(OrderItem.job_id) == col(Job.id))
        .where(col(OrderItem.order_id) == changed.c.id)
    )
    chosen = (
        select(
            col(WebhookEndpoint.id),
            func.nextval(func.pg_get_serial_sequence("job_events", "id")),
            null(),
            changed.c.album_id,
            changed.c.id,
            told,
            null(),
        )
        .select_from(changed)
        .join(WebhookEndpoint, col(WebhookEndpoint.user_id).in_(buyers))
        .where(changed.c.product == Product.ALBUM, *_is_wanted(told))
    )
    return _delivering(chosen).cte("webhook_of_album")


def _of_order(status: ColumnElement[str]) -> ColumnElement[str]:
    return literal("order.", Text()).concat(status)


def _is_wanted(told: ColumnElement[str]) -> tuple[ColumnElement[bool], ...]:
    """Whether an endpoint is told that."""
    events = col(WebhookEndpoint.events)
    return (
        told.in_([str(each) for each in WebhookType]),
        col(WebhookEndpoint.status) != EndpointStatus.DISABLED,
        or_(func.cardinality(events) == 0, told == func.any(events)),
    )


def _delivering(chosen: Select[*tuple[Any, ...]]) -> ReturningInsert[Any]:
    """Write these deliveries, unless they were written before, and ring.

    Args:
        chosen: endpoint, event, job, album, subject, type and error code of each.
    """
    names = ["endpoint_id", "event_id", "job_id", "album_id", "subject_id", "type", "error_code"]
    return (
        insert(WebhookDelivery)
        .from_select(names, chosen)
        .on_conflict_do_nothing(constraint="uq_webhook_deliveries_once")
        .returning(func.pg_notify(CHANNEL, ""))
    )

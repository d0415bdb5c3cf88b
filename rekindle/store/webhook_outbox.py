"""What is to be told outside, written by the very statement that writes the event.

So nothing is lost between the two, and nothing is told of a change that was rolled back. For a
user without endpoints it writes no row and rings nobody; there is no further statement either way.
"""

from sqlalchemy import CTE, Text, case, func, literal, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import Uuid
from sqlmodel import col

from rekindle.contracts.events import EventKind
from rekindle.contracts.webhooks import EndpointStatus, WebhookType
from rekindle.models import Job, WebhookDelivery, WebhookEndpoint

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
    told = case(
        (is_order, literal("order.", Text()).concat(data["status"].astext)), else_=event.c.kind
    )
    subject = case((is_order, sql_cast(data["order_id"].astext, Uuid())), else_=event.c.attempt_id)
    events = col(WebhookEndpoint.events)
    chosen = (
        select(
            col(WebhookEndpoint.id),
            event.c.id,
            event.c.job_id,
            subject,
            told,
            data["error_code"].astext,
        )
        .join(Job, col(Job.id) == event.c.job_id)
        .join(WebhookEndpoint, col(WebhookEndpoint.user_id) == col(Job.user_id))
        .where(
            event.c.kind.in_(_KINDS),
            told.in_([str(each) for each in WebhookType]),
            col(WebhookEndpoint.status) != EndpointStatus.DISABLED,
            or_(func.cardinality(events) == 0, told == func.any(events)),
        )
    )
    names = ["endpoint_id", "event_id", "job_id", "subject_id", "type", "error_code"]
    return (
        insert(WebhookDelivery)
        .from_select(names, chosen)
        .on_conflict_do_nothing(constraint="uq_webhook_deliveries_once")
        .returning(func.pg_notify(CHANNEL, ""))
        .cte("webhook")
    )

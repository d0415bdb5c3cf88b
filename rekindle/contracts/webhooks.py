"""Outbound webhooks: what is told to people's own servers, and the workflow that delivers it."""

from enum import StrEnum
from uuid import UUID

from rekindle.contracts.payload import Payload

DELIVER_WEBHOOK = "DeliverWebhook"
TRY_NOW = "try_now"
"""Signal: an operator does not want to wait for the next try."""


def workflow_id(event_id: int, endpoint_id: UUID) -> str:
    """The id of the `DeliverWebhook` of one event for one endpoint; also its idempotency key."""
    return f"webhook-{event_id}-{endpoint_id}"


class WebhookType(StrEnum):
    """What is told. The words stay: receivers match on them."""

    ATTEMPT_SUCCEEDED = "attempt.succeeded"
    ATTEMPT_FAILED = "attempt.failed"
    ATTEMPT_CANCELED = "attempt.canceled"
    ORDER_DELIVERED = "order.delivered"
    ORDER_REFUNDED = "order.refunded"


class EndpointStatus(StrEnum):
    """How an endpoint does."""

    ENABLED = "enabled"
    FAILING = "failing"
    """A delivery was given up after its last try; an answer that accepts one ends that."""
    DISABLED = "disabled"
    """It answered 410: it wants to be told nothing more."""


class DeliveryStatus(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    """There is nothing to deliver, or nobody to deliver to, any more. Never in a row."""


class SendFailure(StrEnum):
    """Why there was no answer."""

    ADDRESS_REFUSED = "address_refused"
    """The host is, or resolves to, an address that is not public."""
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    """No connection, no TLS, or no HTTP."""
    TIMED_OUT = "timed_out"


class DeliverWebhookInput(Payload):
    """Names a delivery; everything else is read where it is needed."""

    delivery_id: UUID
    endpoint_id: UUID


class SendWebhook(Payload):
    """Send a delivery once.

    Attributes:
        next_after_seconds: when it will be sent again if this fails; None for the last try.
    """

    delivery_id: UUID
    next_after_seconds: float | None


class SentWebhook(Payload):
    """What became of it."""

    status: DeliveryStatus

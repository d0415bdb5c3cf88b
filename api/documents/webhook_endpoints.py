"""Webhook endpoints as their users see them; the secret only when it is new."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from rekindle.contracts.webhooks import EndpointStatus, WebhookType
from rekindle.models import WebhookEndpoint


class WebhookEndpointLinks(BaseModel):
    """What can be done with an endpoint."""

    self: str = Field(description="GET shows it, DELETE ends it.")
    rotate: str = Field(description="POST there for a new secret.")


class WebhookEndpointDocument(BaseModel):
    """One endpoint, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WEBHOOK_ENDPOINT]})

    id: UUID
    url: str
    events: list[WebhookType] = Field(description="What is told there; empty means everything.")
    status: EndpointStatus = Field(
        description="`failing` after a message was given up, until one is accepted; `disabled` "
        "once it answered 410."
    )
    rotated_at: datetime | None = Field(
        description="When its secret was changed. For 24 hours messages are signed with both."
    )
    created_at: datetime
    links: WebhookEndpointLinks


class NewWebhookEndpointDocument(WebhookEndpointDocument):
    """An endpoint with its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NEW_WEBHOOK_ENDPOINT]})

    secret: str = Field(
        description="Verify messages with it, by the Standard Webhooks specification. It is never "
        "shown again."
    )


class WebhookEndpointList(BaseModel):
    """All your endpoints, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WEBHOOK_ENDPOINTS]})

    webhook_endpoints: list[WebhookEndpointDocument]


def webhook_endpoint_document(row: WebhookEndpoint) -> WebhookEndpointDocument:
    """The document of an endpoint."""
    return WebhookEndpointDocument(
        id=row.id,
        url=row.url,
        events=[WebhookType(each) for each in row.events],
        status=EndpointStatus(row.status),
        rotated_at=row.rotated_at,
        created_at=row.created_at,
        links=WebhookEndpointLinks(
            self=paths.webhook_endpoint(row.id), rotate=paths.rotate_webhook_endpoint(row.id)
        ),
    )


def new_webhook_endpoint_document(row: WebhookEndpoint, secret: str) -> NewWebhookEndpointDocument:
    """The document of an endpoint with its secret."""
    shown = webhook_endpoint_document(row)
    return NewWebhookEndpointDocument(**shown.model_dump(), secret=secret)


def webhook_endpoint_list(rows: Iterable[WebhookEndpoint]) -> WebhookEndpointList:
    """The document of several."""
    return WebhookEndpointList(webhook_endpoints=[webhook_endpoint_document(row) for row in rows])

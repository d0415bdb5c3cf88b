"""Webhook endpoints: where a user's server is told what became of attempts and orders."""

from uuid import UUID

from fastapi import Request, status
from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.dependencies import AppSettings, Ports
from api.documents.webhook_endpoints import (
    NewWebhookEndpointDocument,
    WebhookEndpointDocument,
    WebhookEndpointList,
    new_webhook_endpoint_document,
    webhook_endpoint_document,
    webhook_endpoint_list,
)
from api.idempotency import CurrentClaim, keep_no_reply
from api.identity import CurrentPrincipal, guarded_router
from api.problems import command_problems, guarded_problems
from rekindle.contracts.webhooks import EndpointStatus, WebhookType
from rekindle.errors import (
    TooManyWebhookEndpoints,
    WebhookEndpointNotFound,
    WebhookUrlRefused,
)
from rekindle.models import WebhookEndpoint
from rekindle.rules.webhooks import (
    LONGEST_URL,
    MOST_ENDPOINTS,
    refusal_of_url,
    secret,
    secret_text,
)
from rekindle.settings import Settings
from rekindle.store import users, webhook_endpoints

router = guarded_router("webhook endpoints")


class WebhookEndpointRequest(BaseModel):
    """Where to tell what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "url": "https://album.example/hooks/rekindle",
                    "events": ["attempt.succeeded", "attempt.failed"],
                }
            ]
        },
    )

    url: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="An https address that can be reached from the internet.",
    )
    events: list[WebhookType] = Field(
        default_factory=list,
        max_length=len(WebhookType),
        description="What to tell there; left out, everything.",
    )


@router.post(
    paths.WEBHOOK_ENDPOINTS,
    status_code=status.HTTP_201_CREATED,
    responses=command_problems(WebhookUrlRefused, TooManyWebhookEndpoints),
)
async def make_webhook_endpoint(
    wish: WebhookEndpointRequest,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    request: Request,
) -> NewWebhookEndpointDocument:
    """Be told at an address of yours, by signed messages. The secret is in this reply alone.

    Messages follow the Standard Webhooks specification. One that is not answered by 2xx within 15
    seconds is sent again, later and later, for three days, always under the same `webhook-id`; it
    may arrive twice, and messages may arrive in any order.
    """
    if refusal := refusal_of_url(wish.url, allow_private=settings.allow_private_webhooks):
        raise WebhookUrlRefused(f"This address cannot be used: {refusal}.")
    endpoint_id = claim.new_id("webhook_endpoint")
    async with ports.database.transaction() as session:
        # It also locks the user's row, so that two at once are counted one after the other.
        user_id = await users.remember(session, issuer=principal.issuer, subject=principal.subject)
        if await webhook_endpoints.count_others(session, user_id, endpoint_id) >= MOST_ENDPOINTS:
            raise TooManyWebhookEndpoints
        row = WebhookEndpoint(
            id=endpoint_id,
            user_id=user_id,
            url=wish.url,
            events=sorted(set(wish.events)),
            status=EndpointStatus.ENABLED,
        )
        made = await webhook_endpoints.make(session, row)
    keep_no_reply(request)
    return _with_secret(made, settings)


@router.get(paths.WEBHOOK_ENDPOINTS, responses=guarded_problems())
async def list_webhook_endpoints(principal: CurrentPrincipal, ports: Ports) -> WebhookEndpointList:
    """Your endpoints, without their secrets."""
    async with ports.database.transaction() as session:
        found = await webhook_endpoints.listed(
            session, issuer=principal.issuer, subject=principal.subject
        )
    return webhook_endpoint_list(found)


@router.get(paths.WEBHOOK_ENDPOINT, responses=guarded_problems(WebhookEndpointNotFound))
async def get_webhook_endpoint(
    endpoint_id: UUID, principal: CurrentPrincipal, ports: Ports
) -> WebhookEndpointDocument:
    """One endpoint, without its secret."""
    async with ports.database.transaction() as session:
        found = await webhook_endpoints.of_subject(
            session, endpoint_id, issuer=principal.issuer, subject=principal.subject
        )
    if found is None:
        raise WebhookEndpointNotFound
    return webhook_endpoint_document(found)


@router.delete(
    paths.WEBHOOK_ENDPOINT,
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded_problems(WebhookEndpointNotFound),
)
async def delete_webhook_endpoint(
    endpoint_id: UUID, principal: CurrentPrincipal, ports: Ports
) -> None:
    """Be told nothing more there, not even what was under way."""
    async with ports.database.transaction() as session:
        was_there = await webhook_endpoints.remove(
            session, endpoint_id, issuer=principal.issuer, subject=principal.subject
        )
    if not was_there:
        raise WebhookEndpointNotFound


@router.post(paths.ROTATE_WEBHOOK_ENDPOINT, responses=command_problems(WebhookEndpointNotFound))
async def rotate_webhook_endpoint(
    endpoint_id: UUID,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    request: Request,
) -> NewWebhookEndpointDocument:
    """Have a new secret. For 24 hours messages are signed with the one before as well."""
    async with ports.database.transaction() as session:
        found = await webhook_endpoints.rotate(
            session,
            endpoint_id,
            claim.new_id("rotation"),
            issuer=principal.issuer,
            subject=principal.subject,
        )
    if found is None:
        raise WebhookEndpointNotFound
    keep_no_reply(request)
    return _with_secret(found, settings)


def _with_secret(row: WebhookEndpoint, settings: Settings) -> NewWebhookEndpointDocument:
    key = secret(settings.secret_key.get_secret_value(), row.id, row.rotation)
    return new_webhook_endpoint_document(row, secret_text(key))

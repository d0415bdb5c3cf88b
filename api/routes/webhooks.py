"""Webhooks: events of the payment provider are verified, stored once, and left to their orders."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api import paths
from api.dependencies import inbox_of, ports_of, settings_of
from api.documents import examples
from api.problems import problems
from rekindle.errors import (
    DatabaseUnavailable,
    NotFound,
    PlatformError,
    RequestStalled,
    RequestTooLarge,
    WebhookForged,
    WebhookUnsigned,
)

router = APIRouter(tags=["webhooks"])

LARGEST_EVENT = 512 * 1024
"""Bytes of a body; Stripe's are a few KB."""

_SIGNATURE = "stripe-signature"
_EVENT: dict[str, Any] = {
    "parameters": [
        {
            "name": "Stripe-Signature",
            "in": "header",
            "required": True,
            "description": "Of the raw body, by the secret of the endpoint.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "description": "An event, as Stripe sends it."},
                "example": examples.STRIPE_EVENT,
            }
        },
    },
}
_RECEIVED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Stored, now or before",
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": examples.RECEIVED}
        },
    }
}


@router.post(
    paths.STRIPE_WEBHOOK,
    response_class=JSONResponse,
    openapi_extra=_EVENT,
    responses={
        **_RECEIVED,
        **problems(
            WebhookUnsigned,
            WebhookForged,
            NotFound,
            RequestTooLarge,
            RequestStalled,
            DatabaseUnavailable,
            PlatformError,
        ),
    },
)
async def receive_stripe_event(request: Request) -> Response:
    """An event of Stripe. It needs no token: its signature says whose it is.

    An event tells nothing but that its order has to look at Stripe anew, which happens after the
    answer. So it does no harm twice, late, or in any order. Without the endpoint's secret in our
    settings there is nothing here.
    """
    ports = ports_of(request)
    payments = ports.payments
    if payments is None or not _has_secret(request):
        raise NotFound
    signature = request.headers.get(_SIGNATURE)
    if not signature:
        raise WebhookUnsigned
    event = payments.verify(await request.body(), signature)
    await inbox_of(request).take(event)
    return JSONResponse({"received": True})


def _has_secret(request: Request) -> bool:
    secret = settings_of(request).stripe_webhook_secret
    return secret is not None and bool(secret.get_secret_value().strip())

"""Metrics for Prometheus, behind a token of their own."""

import hmac

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from api import paths
from api.dependencies import settings_of
from api.identity import bearer_token
from rekindle.errors import InvalidToken, NotFound

router = APIRouter(tags=["health"])


@router.get(paths.METRICS, include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """The metrics of this process; not there without `METRICS_TOKEN`."""
    token = settings_of(request).metrics_token
    if token is None:
        raise NotFound
    given = bearer_token(request.headers)
    if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        raise InvalidToken
    registry: CollectorRegistry = request.app.state.metrics
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

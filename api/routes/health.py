"""Health: what a person, a monitor and a load balancer ask."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api import paths
from api.documents.health import Health, HealthStatus
from api.health import HealthChecks
from api.problems.document import RETRY_AFTER_SECONDS

router = APIRouter(tags=["health"])


async def _health_checks(request: Request) -> HealthChecks:
    checks: HealthChecks = request.app.state.health
    return checks


Checks = Annotated[HealthChecks, Depends(_health_checks)]


@router.get(paths.HEALTH_V1)
async def get_health(checks: Checks) -> Health:
    """The state of the service and its parts. Always 200: the answer is in the document."""
    return await checks.look()


@router.get(paths.HEALTH, include_in_schema=False)
async def get_health_without_version(checks: Checks) -> Health:
    """The same, where monitors look first."""
    return await checks.look()


@router.get(paths.READY, responses={503: {"model": Health, "description": "Not ready"}})
async def get_readiness(checks: Checks, response: Response) -> Health:
    """For a load balancer: 503 while photos cannot be taken in."""
    health = await checks.look()
    if health.status is HealthStatus.UNHEALTHY:
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return health

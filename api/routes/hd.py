"""The HD file of an attempt, for those who paid for it."""

from uuid import UUID

from fastapi import Request, Response

from api import paths
from api.dependencies import AppSettings, Ports
from api.documents.hd import Delivery, HdDocument
from api.identity import guarded_router
from api.ownership import OwnedJob
from api.problems import guarded_problems, problem_response
from rekindle.contracts.orders import Product
from rekindle.contracts.statuses import AttemptKind
from rekindle.errors import (
    AttemptNotFound,
    DatabaseUnavailable,
    HdNotReady,
    JobNotFound,
    PaymentRequired,
)
from rekindle.models import Job
from rekindle.settings import Settings
from rekindle.store import attempts, order_views
from rekindle.wiring.api import ApiPorts

router = guarded_router("orders")

_PROBLEMS = guarded_problems(
    JobNotFound, AttemptNotFound, PaymentRequired, HdNotReady, DatabaseUnavailable
)


@router.get(paths.RESTORE_HD, responses=_PROBLEMS, response_model=HdDocument)
async def get_restore_hd(
    job: OwnedJob, attempt_id: UUID, request: Request, ports: Ports, settings: AppSettings
) -> HdDocument | Response:
    """The HD picture of a restoration that was paid for: a fresh address, for a few minutes.

    Unpaid, or given back, it is a 402, whose `links.checkout` is where it is bought.
    """
    return await _hd(job, attempt_id, AttemptKind.RESTORE, request, ports, settings)


@router.get(paths.ANIMATION_HD, responses=_PROBLEMS, response_model=HdDocument)
async def get_animation_hd(
    job: OwnedJob, attempt_id: UUID, request: Request, ports: Ports, settings: AppSettings
) -> HdDocument | Response:
    """The HD clip of an animation that was paid for; as the HD picture of a restoration."""
    return await _hd(job, attempt_id, AttemptKind.ANIMATION, request, ports, settings)


async def _hd(
    job: Job,
    attempt_id: UUID,
    kind: AttemptKind,
    request: Request,
    ports: ApiPorts,
    settings: Settings,
) -> HdDocument | Response:
    product = Product.HD_IMAGE if kind is AttemptKind.RESTORE else Product.HD_ANIMATION
    async with ports.database.transaction() as session:
        found = await order_views.hd_of_attempt(session, job.id, attempt_id, product)
        if not found and await attempts.of_job(session, job.id, attempt_id, kind) is None:
            raise AttemptNotFound
    for access in found:
        if access.object_key is not None:
            delivery = Delivery(ports.objects, settings.hd_url_seconds)
            return delivery.document(access.order, attempt_id, access.object_key)
    if any(access.is_under_way for access in found):
        raise HdNotReady
    links = {"checkout": paths.checkout(job.id)}
    return problem_response(PaymentRequired(), request.scope, links=links)

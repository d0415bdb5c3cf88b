"""A job with all that belongs to it: read in one transaction, shown without holding up the loop."""

import asyncio
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.documents import JobDocument, JobParts, job_document
from api.waiting import waiting_among
from rekindle.models import Job
from rekindle.settings import Settings
from rekindle.store import attempts, order_views
from rekindle.wiring.api import ApiPorts

_FEW_ATTEMPTS = 4
"""With more of them, signing all addresses (0.2 ms each, unless kept) would hold up the loop."""


async def parts_of(session: AsyncSession, job_ids: Sequence[UUID]) -> JobParts:
    """What belongs to these jobs, in three statements at most."""
    found = await attempts.of_jobs(session, job_ids)
    waiting = await waiting_among(session, found)
    return JobParts(found, waiting, await order_views.of_attempts(session, found))


async def shown_job(job: Job, parts: JobParts, ports: ApiPorts, settings: Settings) -> JobDocument:
    """The document of a job, with fresh addresses of its pictures."""
    shown = partial(job_document, job, parts, ports.objects, retention=settings.retention)
    return shown() if len(parts.attempts) <= _FEW_ATTEMPTS else await asyncio.to_thread(shown)

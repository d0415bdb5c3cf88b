"""One attempt of a job, of one kind: looked up, shown, and stopped."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Response

from api.dependencies import AppSettings, Ports
from api.documents.attempts import AttemptFacts
from api.etags import NOT_MODIFIED, attempt_etag, settle
from api.intake import job_input
from api.ownership import OwnedJob
from api.problems import command_problems, guarded_problems
from api.waiting import NOBODY_WAITS, WaitingById, waiting_among
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.errors import (
    AttemptNotFound,
    DatabaseUnavailable,
    JobNotFound,
    WorkflowsUnavailable,
)
from rekindle.models import Attempt, Job
from rekindle.ports.objects import ObjectStore
from rekindle.settings import Settings
from rekindle.store import attempts
from rekindle.wiring.api import ApiPorts

_ERRORS = (JobNotFound, AttemptNotFound, DatabaseUnavailable)
SHOWING_ANSWERS = {**NOT_MODIFIED, **guarded_problems(*_ERRORS)}
"""What a route that shows an attempt can answer beside its document."""
STOPPING_ANSWERS = command_problems(*_ERRORS, WorkflowsUnavailable)
"""What a route that stops an attempt can answer beside its document."""

Document = TypeVar("Document", bound=AttemptFacts)
DocumentOf = Callable[[Attempt, ObjectStore, WaitingById], Document]


@dataclass(frozen=True)
class AttemptView:
    """An attempt as it stands, and how it waits."""

    attempt: Attempt
    waiting: WaitingById


async def find_attempt(
    ports: ApiPorts, job: Job, attempt_id: UUID, kind: AttemptKind
) -> AttemptView | None:
    """The job's attempt of that id and kind; None when there is none.

    Raises:
        DatabaseUnavailable: it cannot be read.
    """
    async with ports.database.transaction() as session:
        attempt = await attempts.of_job(session, job.id, attempt_id, kind)
        if attempt is None:
            return None
        return AttemptView(attempt, await waiting_among(session, [attempt]))


async def look_up_attempt(
    ports: ApiPorts, job: Job, attempt_id: UUID, kind: AttemptKind
) -> AttemptView:
    """As `find_attempt`, of an attempt that has to be there.

    Raises:
        AttemptNotFound: there is none, or it is of another kind or another job.
        DatabaseUnavailable: it cannot be read.
    """
    found = await find_attempt(ports, job, attempt_id, kind)
    if found is None:
        raise AttemptNotFound
    return found


@dataclass(frozen=True)
class NamedAttempt:
    """The attempt that a path names in the caller's job, whether or not it is there."""

    job: Job
    id: UUID
    ports: ApiPorts
    settings: Settings

    async def shown(
        self,
        kind: AttemptKind,
        document_of: DocumentOf[Document],
        response: Response,
        if_none_match: str | None,
    ) -> Document | Response:
        """Its document under an `ETag`, or the answer that the client has this version already.

        Raises:
            AttemptNotFound: there is none, or it is of another kind or another job.
            DatabaseUnavailable: it cannot be read.
        """
        found = await look_up_attempt(self.ports, self.job, self.id, kind)
        etag = attempt_etag(
            found.attempt, found.waiting, url_seconds=self.settings.url_seconds, now=time.time()
        )
        if unchanged := settle(response, etag, if_none_match):
            return unchanged
        return document_of(found.attempt, self.ports.objects, found.waiting)

    async def stopped(self, kind: AttemptKind, document_of: DocumentOf[Document]) -> Document:
        """Have it stopped wherever it is. Idempotent: one that has ended stays as it ended.

        Returns:
            Its document as it stood before.

        Raises:
            AttemptNotFound: there is none, or it is of another kind or another job.
            DatabaseUnavailable: it cannot be read.
            WorkflowsUnavailable: the job's workflow did not answer in time.
        """
        async with self.ports.database.transaction() as session:
            attempt = await attempts.of_job(session, self.job.id, self.id, kind)
        if attempt is None:
            raise AttemptNotFound
        if not AttemptStatus(attempt.status).is_final:
            await self.ports.jobs.cancel(job_input(self.job, self.settings), self.id)
        return document_of(attempt, self.ports.objects, NOBODY_WAITS)


async def _named(
    job: OwnedJob, attempt_id: UUID, ports: Ports, settings: AppSettings
) -> NamedAttempt:
    return NamedAttempt(job, attempt_id, ports, settings)


OwnedAttempt = Annotated[NamedAttempt, Depends(_named)]
"""The attempt of the caller's job that the path names."""

"""One restore attempt as clients see it."""

from pydantic import ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.attempts import AttemptFacts, AttemptLinks, attempt_facts, attempt_links
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Attempt
from rekindle.ports.objects import ObjectStore


class RestoreLinks(AttemptLinks):
    """Where to go from a restore attempt."""

    select: str | None = Field(None, description="POST its id there; once it has succeeded.")


class RestoreDocument(AttemptFacts):
    """One attempt at restoring the photo of a job."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RESTORE]})

    preview_url: str | None = Field(description="Watermarked JPEG; works for some minutes.")
    links: RestoreLinks


def restore_document(
    attempt: Attempt, objects: ObjectStore, waiting: WaitingById = NOBODY_WAITS
) -> RestoreDocument:
    """The document of a restore attempt, with fresh addresses of its pictures.

    Args:
        attempt: its row.
        objects: where the pictures are.
        waiting: how it waits, if it does.
    """
    facts = attempt_facts(attempt, objects, waiting)
    return RestoreDocument(**dict(facts), links=_links(attempt))


def _links(attempt: Attempt) -> RestoreLinks:
    succeeded = attempt.status == AttemptStatus.SUCCEEDED
    links = attempt_links(
        attempt,
        itself=paths.restore_attempt(attempt.job_id, attempt.id),
        cancel=paths.cancel_restore_attempt(attempt.job_id, attempt.id),
    )
    select = paths.select(attempt.job_id) if succeeded else None
    return RestoreLinks(**dict(links), select=select)

"""One animation as clients see it."""

from uuid import UUID

from pydantic import ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.attempts import AttemptFacts, AttemptLinks, attempt_facts, attempt_links
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.models import Attempt
from rekindle.ports.objects import ObjectStore


class AnimationDocument(AttemptFacts):
    """One attempt at a clip of a restoration."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANIMATION]})

    restore_id: UUID = Field(description="The restoration that is animated.")
    preview_url: str | None = Field(description="Watermarked MP4; works for some minutes.")
    seconds: float | None = Field(description="How long the clip is; null until it is made.")
    fps: float | None = Field(description="Its frames in a second; null until it is made.")
    links: AttemptLinks


def animation_document(
    attempt: Attempt, objects: ObjectStore, waiting: WaitingById = NOBODY_WAITS
) -> AnimationDocument:
    """The document of an animation, with fresh addresses of its clip.

    Args:
        attempt: its row.
        objects: where the clip is.
        waiting: how it waits, if it does.
    """
    facts = attempt_facts(attempt, objects, waiting)
    return AnimationDocument(
        **dict(facts),
        restore_id=attempt.source_id,
        seconds=attempt.seconds,
        fps=attempt.fps,
        links=_links(attempt),
    )


def _links(attempt: Attempt) -> AttemptLinks:
    return attempt_links(
        attempt,
        itself=paths.animation(attempt.job_id, attempt.id),
        cancel=paths.cancel_animation(attempt.job_id, attempt.id),
    )

"""What the streams of one job are told that is in no log: how its attempts wait at the moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from api.events.frames import waiting_content
from rekindle.rules.waiting import Waiting
from rekindle.store.waiting import WaitingAttempt


@dataclass(frozen=True)
class Wait:
    """How one attempt waits, and the same as bytes of a stream."""

    waiting: Waiting
    content: bytes


@dataclass(frozen=True)
class WaitingNews:
    """How the unfinished attempts of a job wait.

    Attributes:
        place: the last event of the job that this includes. A stream that stands elsewhere has told
            more, or not enough yet, for this to be said.
        asked_at: when the reading began, seconds of the process's clock.
        waits: by the ids of the attempts.
    """

    place: int
    asked_at: float
    waits: dict[UUID, Wait]

    def is_as(self, other: "WaitingNews | None") -> bool:
        """Whether it says the same, at the same place."""
        return other is not None and (self.place, self.told) == (other.place, other.told)

    @property
    def told(self) -> dict[UUID, Waiting]:
        """What a stream has told that has told this."""
        return {attempt_id: wait.waiting for attempt_id, wait in self.waits.items()}


def waiting_news(attempts: Iterable[WaitingAttempt], *, asked_at: float) -> dict[UUID, WaitingNews]:
    """The news of these attempts, by the ids of their jobs.

    Args:
        attempts: as they were read.
        asked_at: when the reading began, seconds of the process's clock.
    """
    now = datetime.now(UTC)
    found: dict[UUID, WaitingNews] = {}
    for attempt in attempts:
        news = found.setdefault(attempt.job_id, WaitingNews(attempt.place, asked_at, {}))
        news.waits[attempt.attempt_id] = Wait(attempt.waiting, waiting_content(attempt, now))
    return found

"""Which of their jobs a caller wants to see, as a query says it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator

from rekindle.contracts.statuses import JobStatus
from rekindle.store.jobs import JobFilter


class ShownStatus(StrEnum):
    """The statuses of jobs that anybody sees."""

    ACTIVE = "active"
    COMPLETED = "completed"


def _written_out(text: object) -> object:
    """Pydantic would also take a number, as seconds or milliseconds by its size."""
    if isinstance(text, str) and "-" not in text[1:]:
        raise ValueError("this is no date with a time")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""RFC 3339, with a time zone."""


async def job_filter(
    status: Annotated[
        ShownStatus | None,
        Query(description="`completed`: something was made of it, and nothing is under way."),
    ] = None,
    has_restore: Annotated[
        bool | None, Query(description="Whether a restoration of it has succeeded.")
    ] = None,
    created_after: Annotated[
        Moment | None, Query(description="Made later than that; with a time zone.")
    ] = None,
    created_before: Annotated[
        Moment | None, Query(description="Made earlier than that; with a time zone.")
    ] = None,
) -> JobFilter:
    """The filter of a query."""
    return JobFilter(
        status=None if status is None else JobStatus(status),
        has_restore=has_restore,
        created_after=created_after,
        created_before=created_before,
    )


def filter_words(wanted: JobFilter) -> dict[str, str]:
    """The same as words of a query, for the link to the next page."""
    words = {
        "status": wanted.status,
        "has_restore": None if wanted.has_restore is None else str(wanted.has_restore).lower(),
        "created_after": _word(wanted.created_after),
        "created_before": _word(wanted.created_before),
    }
    return {name: str(word) for name, word in words.items() if word is not None}


def _word(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

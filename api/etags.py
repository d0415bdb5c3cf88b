"""Entity tags of jobs and attempts: who polls is told cheaply that nothing has changed."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Header, Response, status

from api.documents import JobParts
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.models import Attempt, Job, Order

IfNoneMatch = Annotated[str | None, Header(max_length=1000)]
"""Which version the client says that it has."""

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}
"""For the `responses=` of a route that answers by `settle`."""


def job_etag(job: Job, parts: JobParts, *, url_seconds: int, now: float) -> str:
    """A weak tag of a job's document.

    It changes with every change of a row, with everything that is told of how attempts wait (ETAs
    are rounded, so they do not change it with every second), and at least twice in the life of a
    presigned address: a client that keeps a document on our word never holds addresses that have
    run out.

    Args:
        job: its row.
        parts: what belongs to it, in a fixed order.
        url_seconds: life of the addresses in the document.
        now: Unix seconds.
    """
    bought = [each.order for each in parts.orders]  # their versions count changes of items as well
    rows: list[Job | Attempt | Order] = [job, *parts.attempts, *bought]
    return _tag(rows, parts.waiting, url_seconds=url_seconds, now=now)


def attempt_etag(
    attempt: Attempt, waiting: WaitingById = NOBODY_WAITS, *, url_seconds: int, now: float
) -> str:
    """A weak tag of an attempt's document; see `job_etag`."""
    return _tag([attempt], waiting, url_seconds=url_seconds, now=now)


def _tag(
    rows: Sequence[Job | Attempt | Order], waiting: WaitingById, *, url_seconds: int, now: float
) -> str:
    half_life = int(now / (url_seconds / 2))
    versions = (f"{row.id}:{row.version}:{waiting.get(row.id)}" for row in rows)
    text = "|".join([str(half_life), *versions])
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


def settle(response: Response, etag: str, if_none_match: str | None) -> Response | None:
    """Tell the client the tag of what it asked for.

    Args:
        response: gets the headers, when the document itself is still to be sent.
        etag: of the document.
        if_none_match: what the client says that it has.

    Returns:
        The whole answer, when the client has this version already.
    """
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if is_known(etag, if_none_match):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    response.headers.update(headers)
    return None


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether the client already has this version (RFC 9110, 13.1.2: compared weakly)."""
    given = [word.strip() for word in (if_none_match or "").split(",")]
    return "*" in given or etag.removeprefix("W/") in [word.removeprefix("W/") for word in given]

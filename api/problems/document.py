"""The problem document and the response that carries it."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse
from starlette.types import Scope

from api.limits.headers import told
from rekindle.errors import (
    LimitError,
    MissingToken,
    RekindleError,
    SessionEnded,
    WebhookForged,
)

MEDIA_TYPE = "application/problem+json"

_LONGEST_DETAIL = 500

RETRY_AFTER_SECONDS = 5
"""When to come back: about as long as a part needs to restart, or a twin to be done."""


class FieldProblem(BaseModel):
    """What is wrong with one field; what was sent in it is not repeated."""

    field: str = Field(examples=["body.denoise"])
    message: str = Field(examples=["Input should be less than or equal to 1"])


class Problem(BaseModel):
    """What went wrong, by RFC 9457. `code` is for programs, `detail` for people."""

    type: str = Field("about:blank", description="Always `about:blank`: `code` tells more.")
    title: str = Field(description="The HTTP status in words.")
    status: int
    detail: str = Field(description="One sentence for the person.")
    code: str = Field(description="Stable name of the error.")
    retryable: bool = Field(description="Whether the same request can succeed later.")
    charged: Literal[False] = Field(False, description="Whether this cost money: it did not.")
    instance: str | None = Field(
        None, description="This very occurrence; tell it when you ask for help."
    )
    errors: list[FieldProblem] | None = Field(
        None, description="With `invalid_request`: the fields that are wrong."
    )
    links: dict[str, str] | None = Field(
        None, description="Where to go from here. With `payment_required`: `checkout`."
    )


class ProblemResponse(JSONResponse):
    """A problem as `application/problem+json`."""

    media_type = MEDIA_TYPE


def problem_of(error: RekindleError, *, status: int | None = None) -> Problem:
    """The document of an error.

    Args:
        error: what went wrong; only what it shows the public is used.
        status: the HTTP status, when it is not the error's own.
    """
    status = status or error.status
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.public_detail[:_LONGEST_DETAIL],  # it may name what was sent
        code=error.code,
        retryable=error.retryable,
    )


def problem_response(
    error: RekindleError,
    scope: Scope,
    *,
    status: int | None = None,
    fields: Sequence[FieldProblem] = (),
    links: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The answer to a request that failed.

    Args:
        error: what went wrong.
        scope: of the request.
        status: the HTTP status, when it is not the error's own.
        fields: what is wrong with single fields.
        links: where to go from there, by name.
        headers: of the answer; those that the status asks for are added.
    """
    problem = problem_of(error, status=status)
    request_id = scope.get("state", {}).get("request_id")
    if request_id:
        problem.instance = f"urn:rekindle:request:{request_id}"
    problem.errors = list(fields) or None
    problem.links = dict(links) if links else None
    content: dict[str, Any] = problem.model_dump(exclude_none=True)
    answer = {**_headers(error, problem), **told(scope), **(headers or {})}
    return ProblemResponse(content, problem.status, answer)


def _headers(error: RekindleError, problem: Problem) -> dict[str, str]:
    match problem.status:
        case 401 if isinstance(error, WebhookForged):
            return {}  # no token would help its sender
        case 401 if isinstance(error, MissingToken | SessionEnded):
            return {"WWW-Authenticate": "Bearer"}
        case 401:
            # RFC 6750, 3.1: an expired token is an invalid one too.
            words = f'error="invalid_token", error_description="{problem.detail}"'
            return {"WWW-Authenticate": f"Bearer {words}"}
        case 429 if isinstance(error, LimitError) and error.retry_after is not None:
            return {"Retry-After": str(math.ceil(error.retry_after))}
        case 409 | 429 | 503 if problem.retryable:
            return {"Retry-After": str(RETRY_AFTER_SECONDS)}
        case _:
            return {}

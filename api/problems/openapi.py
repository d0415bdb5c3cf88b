"""How errors are described in OpenAPI."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from api.limits.headers import LIMIT, POLICY
from api.problems.document import MEDIA_TYPE, problem_of
from rekindle.errors import (
    DatabaseUnavailable,
    ExpiredToken,
    Forbidden,
    IdempotencyKeyReused,
    InvalidRequest,
    InvalidToken,
    IssuerUnavailable,
    MissingToken,
    PlatformError,
    RateLimited,
    RekindleError,
    RequestInProgress,
    RequestStalled,
    RequestTooLarge,
    SessionEnded,
)

Responses = dict[int | str, dict[str, Any]]

SCHEMA_NAME = "Problem"

_GUARDED = (
    MissingToken,
    InvalidToken,
    ExpiredToken,
    SessionEnded,
    IssuerUnavailable,
    DatabaseUnavailable,  # where API keys and sessions are looked up
    InvalidRequest,
    RateLimited,
    PlatformError,
)
_COMMANDS = (
    RequestTooLarge,
    RequestStalled,
    IdempotencyKeyReused,
    RequestInProgress,
)

_LIMIT_HEADERS = {
    "Retry-After": {
        "description": "Seconds after which the same request may succeed.",
        "schema": {"type": "integer", "minimum": 1},
    },
    LIMIT: {
        "description": "What is left of each rate (`r`) and when there is more (`t`, seconds), by "
        "the IETF draft of rate limit headers. With `rate_limited`; other answers tell what is "
        "left as well.",
        "schema": {"type": "string"},
        "example": '"uploads";r=0;t=1260',
    },
    POLICY: {
        "description": "The rates themselves: `q` requests in `w` seconds.",
        "schema": {"type": "string"},
        "example": '"uploads";q=600;w=3600',
    },
}


def problems(*errors: type[RekindleError]) -> Responses:
    """The `responses=` of a route that can fail in these ways and no others.

    Each status lists its codes, and has an example of each.
    """
    by_status: dict[int, list[type[RekindleError]]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(error.status, []).append(error)
    return {status: _described(status, of_status) for status, of_status in by_status.items()}


def guarded_problems(*errors: type[RekindleError]) -> Responses:
    """As `problems`, with what every route behind a token can answer."""
    return problems(*_GUARDED, *errors)


def operator_problems(*errors: type[RekindleError]) -> Responses:
    """As `guarded_problems`, with what everybody else is answered."""
    return guarded_problems(Forbidden, *errors)


def command_problems(*errors: type[RekindleError]) -> Responses:
    """As `guarded_problems`, with what every POST can answer."""
    return guarded_problems(*_COMMANDS, *errors)


def _described(status: int, errors: Sequence[type[RekindleError]]) -> dict[str, Any]:
    examples = {
        error.code: {
            "summary": error().sentence,
            "value": problem_of(error()).model_dump(exclude_none=True),
        }
        for error in errors
    }
    codes = {"type": "string", "enum": [error.code for error in errors]}
    schema = {
        "allOf": [
            {"$ref": f"#/components/schemas/{SCHEMA_NAME}"},
            {"type": "object", "properties": {"code": codes}, "required": ["code"]},
        ]
    }
    described = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
    return {**described, "headers": _LIMIT_HEADERS} if status == RateLimited.status else described

"""What becomes of each kind of exception that a route lets out."""

from collections.abc import Mapping
from functools import lru_cache
from re import Pattern
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import compile_path

from api.problems.document import FieldProblem, problem_response
from rekindle.errors import (
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PlatformError,
    RekindleError,
    RequestTooLarge,
)

_LOG = structlog.get_logger(__name__)

_BY_STATUS: Mapping[int, type[RekindleError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: RequestTooLarge,
}

_SAFE_KINDS = frozenset(
    {
        "bool_parsing",
        "bool_type",
        "enum",
        "finite_number",
        "float_parsing",
        "float_type",
        "greater_than",
        "greater_than_equal",
        "int_from_float",
        "int_parsing",
        "int_type",
        "less_than",
        "less_than_equal",
        "literal_error",
        "string_too_long",
        "string_too_short",
        "string_type",
    }
)
"""Kinds of validation errors whose message never holds a piece of what was sent."""

_OWN_WORDS = {
    "missing": "This field is required",
    "extra_forbidden": "There is no such field",
    "json_invalid": "This is not valid JSON",
}

_LONGEST_FIELD = 100


async def _answer_own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RekindleError)  # noqa: S101 - registered for this class alone
    log = _LOG.warning if error.status >= 500 else _LOG.info
    log("request refused", code=error.code, why=str(error))
    return problem_response(error, request.scope)


async def _answer_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    fields = [field_problem(each) for each in error.errors()]
    _LOG.info("request refused", code=InvalidRequest.code, fields=[f.field for f in fields])
    return problem_response(InvalidRequest(), request.scope, fields=fields)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """Errors of the framework: no such route, method or form."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    fallback = InvalidRequest if error.status_code < 500 else PlatformError
    kind = _BY_STATUS.get(error.status_code, fallback)
    # FastAPI answers a body that it cannot decode with 400, and one that it cannot use with 422:
    # to us, and in our description, both are the same.
    status = kind.status if error.status_code == 400 else error.status_code
    headers = dict(error.headers or {})
    if status == MethodNotAllowed.status:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return problem_response(kind(), request.scope, status=status, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """Every method of the path; the framework names those of the first route that has it."""
    path: str = request.scope["path"]
    return sorted(
        {
            method
            for context in iter_route_contexts(request.app.routes)
            if context.path and _pattern(context.path).fullmatch(path)
            for method in context.methods or ()
        }
    )


@lru_cache
def _pattern(path: str) -> Pattern[str]:
    return compile_path(path)[0]


async def _note_disconnect(_request: Request, _error: Exception) -> Response:
    """Nobody is there to read an answer."""
    _LOG.info("client left in the middle of its request")
    return Response(status_code=400)


def field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """One validation error of pydantic, without anything of what was sent.

    Args:
        error: as `ValidationError.errors()` lists it.
    """
    kind = error["type"]
    message = _OWN_WORDS.get(kind, "This value is not valid")
    if kind in _SAFE_KINDS:
        message = error["msg"]
    field = ".".join(str(part) for part in error["loc"])
    return FieldProblem(field=field[:_LONGEST_FIELD], message=message)


_ANSWERS: Any = {
    RekindleError: _answer_own_error,
    RequestValidationError: _answer_invalid_request,
    HTTPException: _answer_http_error,
}

EXCEPTION_HANDLERS: Any = {**_ANSWERS, ClientDisconnect: _note_disconnect}
"""For `FastAPI(exception_handlers=...)`. What is not listed is caught by `FailureBoundary`."""


async def answer_to(request: Request, error: Exception) -> Response | None:
    """The answer that an exception of a route becomes; None when nobody expected it."""
    for kind, answer in _ANSWERS.items():
        if isinstance(error, kind):
            response: Response = await answer(request, error)
            return response
    return None

"""Errors as the agent's answers: problem documents without a path, a key or a vendor's message."""

from http import HTTPStatus

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from rekindle.errors import MissingToken, NotFound, PlatformError, RekindleError

_LOG = structlog.get_logger(__name__)
_RETRY_AFTER_SECONDS = "2"


class ProblemResponse(JSONResponse):
    """A problem by RFC 9457."""

    media_type = "application/problem+json"


def problem_response(error: RekindleError) -> ProblemResponse:
    """The answer to a request that failed."""
    document = {
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.public_detail,
        "code": error.code,
        "retryable": error.retryable,
    }
    return ProblemResponse(document, error.status, _headers(error))


def _headers(error: RekindleError) -> dict[str, str]:
    match error.status:
        case 401 if isinstance(error, MissingToken):
            return {"WWW-Authenticate": "Bearer"}
        case 401:
            return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case 503:
            return {"Retry-After": _RETRY_AFTER_SECONDS}
        case _:
            return {}


def _own_error(_: Request, error: Exception) -> Response:
    known = error if isinstance(error, RekindleError) else PlatformError()
    _LOG.info("request_refused", code=known.code, why=str(known))
    return problem_response(known)


def _framework_error(_: Request, error: Exception) -> Response:
    """No such route or method: both are nothing that can be asked for here."""
    if isinstance(error, HTTPException) and error.status_code in (404, 405):
        return problem_response(NotFound())
    return problem_response(PlatformError())


def _client_left(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # which nobody reads


EXCEPTION_HANDLERS: dict[type[Exception], ExceptionHandler] = {
    RekindleError: _own_error,
    HTTPException: _framework_error,
    ClientDisconnect: _client_left,
}
"""What becomes of each exception that a route lets out."""

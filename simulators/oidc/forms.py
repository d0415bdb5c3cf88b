"""Reading parameters strictly: bounded, form-encoded, none given twice."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request

from simulators.oidc.errors import OAuthError

_MOST_BYTES = 16 * 1024
_MOST_FIELDS = 40


def single_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameters by name; empty ones count as absent.

    Raises:
        OAuthError: a parameter is given twice (RFC 6749, 3.1 and 3.2).
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise OAuthError("invalid_request", f"{name!a} is given more than once.")
        found[name] = value
    return {name: value for name, value in found.items() if value}


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form body.

    Raises:
        OAuthError: too large, not form-encoded, or a field twice.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send application/x-www-form-urlencoded.", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise OAuthError("invalid_request", "The request is too large.", 413)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise OAuthError("invalid_request", "The form cannot be read.") from error
    return single_values(pairs)

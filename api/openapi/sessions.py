"""How a browser's cookie and its CSRF token are described in OpenAPI."""

from typing import Any

from api.browser_sessions import CSRF
from api.cookies import SESSION
from api.problems.openapi import problems
from rekindle.errors import CsrfRefused

SCHEME = "SessionCookie"
_BEARER = "HTTPBearer"
_SAFE = frozenset({"get", "head", "options"})
_COOKIE = {
    "type": "apiKey",
    "in": "cookie",
    "name": f"__Host-{SESSION}",
    "description": "For our own pages, after `/sign-in`. Everything that is no GET needs "
    f"`{CSRF}` along with it, from `GET /api/v1/session`. A bearer token beside it goes first.",
}
_PARAMETER = {
    "name": CSRF,
    "in": "header",
    "required": False,
    "description": "With a session's cookie only: `csrf_token` of `GET /api/v1/session`.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}


def describe_sessions(document: dict[str, Any]) -> None:
    """Let a cookie stand for every token of a description, and say what it needs besides."""
    document["components"]["securitySchemes"][SCHEME] = _COOKIE
    refusals = problems(CsrfRefused)
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if "security" not in operation:
                continue
            [needed] = operation["security"]
            operation["security"].append({SCHEME: needed[_BEARER]})
            if method in _SAFE:
                continue
            operation.setdefault("parameters", []).append(_PARAMETER)
            for status, refusal in refusals.items():
                _add(operation["responses"], str(status), refusal)


def _add(responses: dict[str, Any], status: str, refusal: dict[str, Any]) -> None:
    """Describe another error, beside those of the same status."""
    if status not in responses:
        responses[status] = refusal
        return
    [there], [new] = responses[status]["content"].values(), refusal["content"].values()
    there["examples"] |= new["examples"]
    codes = there["schema"]["allOf"][1]["properties"]["code"]["enum"]
    codes += new["schema"]["allOf"][1]["properties"]["code"]["enum"]

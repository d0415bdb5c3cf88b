"""The headers of answers, which FastAPI does not know of."""

from collections.abc import Iterator
from typing import Any

_TEXT = {"type": "string"}
_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "The version of the document. Sent back as `If-None-Match`, it spares you "
        "what you have.",
        "schema": _TEXT,
    },
    "Location": {
        "description": "Where what was made is looked at, if it can be.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Retry-After": {
        "description": "Seconds after which the same request may succeed; with what is retryable.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to sign in, and what is wrong with the token (RFC 6750).",
        "schema": _TEXT,
    },
    "X-Request-ID": {
        "description": "Name of this request in our logs: tell it when you ask for help.",
        "schema": _TEXT,
    },
}


def describe_headers(document: dict[str, Any]) -> None:
    """Add to each answer the headers that it can have."""
    document["components"]["headers"] = _HEADERS
    for operations in document["paths"].values():
        for method, operation in operations.items():
            responses = operation["responses"]
            for status, response in responses.items():
                headers = response.setdefault("headers", {})
                for name in _of_answer(method, int(status), is_versioned="304" in responses):
                    headers.setdefault(name, {"$ref": f"#/components/headers/{name}"})


def _of_answer(method: str, status: int, *, is_versioned: bool) -> Iterator[str]:
    yield "X-Request-ID"
    if is_versioned and status in (200, 304):
        yield "ETag"
    if method == "post" and status in (201, 202):
        yield "Location"
    if status == 401:
        yield "WWW-Authenticate"
    if status in (409, 429, 503):
        yield "Retry-After"

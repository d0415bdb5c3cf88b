"""The headers of idempotent requests and of repeated replies."""

import hashlib
import json
import re

from starlette.datastructures import Headers
from starlette.requests import Request

from rekindle.errors import InvalidRequest
from rekindle.ports.identity import Principal

KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST_KEY = 255

_ACCEPTABLE = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")


def key_in(headers: Headers) -> str | None:
    """The key of a request, if it has one.

    Raises:
        InvalidRequest: it is no key, or there are several.
    """
    given = headers.getlist(KEY)
    if not given:
        return None
    if len(given) > 1 or not _ACCEPTABLE.fullmatch(given[0]):
        raise InvalidRequest(
            f"Send one {KEY} of 1 to {LONGEST_KEY} visible ASCII characters, such as a UUID."
        )
    return given[0]


def scope_of(request: Request, principal: Principal, key: str) -> str:
    """Where a key is valid, as hex digits: for one caller, method and path."""
    parts = [principal.issuer, principal.subject, request.method, request.url.path, key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

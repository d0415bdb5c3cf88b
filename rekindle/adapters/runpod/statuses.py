"""What RunPod's HTTP status codes mean to whoever rents pods: the vendor's retry table as data.

Source: the description of `createPod` in the vendor's OpenAPI, REST v2. There is no machine code
for "no capacity": it shares 400 with "your request breaks a rule".
"""

from collections.abc import Mapping
from enum import Enum, auto

from rekindle.errors import CloudRefused, CloudUnavailable, NoGpuStock, RekindleError


class Meaning(Enum):
    """What an answer that is no success tells us."""

    NEXT_CANDIDATE = auto()
    """This GPU type cannot be had, another one may."""
    REFUSED = auto()
    """No repeat can help: key, balance or request."""
    UNKNOWN = auto()
    """It may have happened or not: look, then do it again."""
    GONE = auto()
    """There is no such thing (any more)."""


EVERYWHERE: Mapping[int, Meaning] = {
    400: Meaning.REFUSED,
    401: Meaning.REFUSED,
    402: Meaning.REFUSED,
    403: Meaning.REFUSED,
    404: Meaning.REFUSED,
    408: Meaning.UNKNOWN,
    422: Meaning.REFUSED,
    429: Meaning.UNKNOWN,
}
"""What holds for every call, unless a table of its own says otherwise."""

ON_CREATE: Mapping[int, Meaning] = {
    400: Meaning.NEXT_CANDIDATE,  # a broken rule or no capacity: only its prose tells
    403: Meaning.NEXT_CANDIDATE,  # the account may not use that pool
}
ON_A_POD: Mapping[int, Meaning] = {404: Meaning.GONE}
ON_TERMINATE: Mapping[int, Meaning] = {
    404: Meaning.GONE,
    409: Meaning.UNKNOWN,  # not in this state: giving up would leak the pod
}


def meaning(status: int, exceptions: Mapping[int, Meaning]) -> Meaning:
    """What a status means where `exceptions` hold.

    Other 4xx are our request's fault. A redirect is never followed: like 5xx it leaves open what
    happened.
    """
    found = exceptions.get(status) or EVERYWHERE.get(status)
    if found is not None:
        return found
    return Meaning.REFUSED if 400 <= status < 500 else Meaning.UNKNOWN


def as_error(found: Meaning, detail: str, *, retry_after: float | None = None) -> RekindleError:
    """The error that a meaning is told as.

    Args:
        found: other than `GONE` for a caller that can do without the thing.
        detail: for the log; without secrets.
        retry_after: seconds the cloud asked to wait.
    """
    match found:
        case Meaning.NEXT_CANDIDATE:
            return NoGpuStock(detail)
        case Meaning.UNKNOWN:
            return CloudUnavailable(detail, retry_after=retry_after)
        case Meaning.REFUSED | Meaning.GONE:
            return CloudRefused(detail)

"""The headers that tell of rates (IETF draft-ietf-httpapi-ratelimit-headers-10)."""

import math
from collections.abc import Mapping, Sequence

from starlette.types import Scope

from rekindle.ports.rates import Rate

LIMIT = "RateLimit"
POLICY = "RateLimit-Policy"

_STATE = "rate_limit_headers"


def rate_headers(
    name: str, rates: Sequence[Rate], used: Sequence[int], *, seconds_left: float | None = None
) -> dict[str, str]:
    """Both headers, for rates that a request was counted against.

    Args:
        name: of the policy; a second rate gets a number.
        rates: as they are.
        used: of each, this request included.
        seconds_left: until there is more; told only where it is known.
    """
    names = [name, *(f"{name}-{number}" for number in range(2, len(rates) + 1))]
    until = "" if seconds_left is None else f";t={math.ceil(seconds_left)}"
    return {
        LIMIT: ", ".join(
            f'"{each}";r={max(rate.quota - count, 0)}{until}'
            for each, rate, count in zip(names, rates, used, strict=True)
        ),
        POLICY: ", ".join(
            f'"{each}";q={rate.quota};w={rate.seconds}'
            for each, rate in zip(names, rates, strict=True)
        ),
    }


def tell(scope: Scope, headers: Mapping[str, str]) -> None:
    """Have the answer to a request carry these headers, whichever it will be."""
    scope.setdefault("state", {})[_STATE] = headers


def told(scope: Scope) -> Mapping[str, str]:
    """The headers that the answer to a request is to carry; none if nothing was counted."""
    headers: Mapping[str, str] = scope.get("state", {}).get(_STATE, {})
    return headers

"""Calls counted by key, in fixed windows, and the headers that tell about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from simulators.runpod.problem import Problem

WINDOWS = {"minute": 60, "hour": 3_600, "day": 86_400}  # seconds


class RateLimit:
    """Allows so many calls per window and key.

    Args:
        rates: Calls by the name of the window.
        now: The time in Unix seconds.
    """

    def __init__(self, rates: Mapping[str, int], now: Callable[[], float]) -> None:
        self._rates = {name: rates[name] for name in WINDOWS if name in rates}
        self._now = now
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def count(self, key: str) -> tuple[dict[str, str], Problem | None]:
        """Count a call: headers of its reply, and a 429 when it is one too many."""
        now = self._now()
        states, refusal = [], None
        for name, limit in self._rates.items():
            window = int(now // WINDOWS[name])
            counted_in, count = self._counts.get((key, name), (window, 0))
            count = count + 1 if counted_in == window else 1
            self._counts[key, name] = (window, count)
            reset = math.ceil((window + 1) * WINDOWS[name] - now)
            states.append(f'"{name}";r={max(0, limit - count)};t={reset}')
            if count > limit and refusal is None:
                refusal = too_many(name, reset)
        policy = [f'"{name}";q={limit};w={WINDOWS[name]}' for name, limit in self._rates.items()]
        headers = {"RateLimit": ", ".join(states), "RateLimit-Policy": ", ".join(policy)}
        return headers, refusal


def too_many(window: str, seconds: int) -> Problem:
    """A 429.

    Args:
        window: Name of the window that is full.
        seconds: Until it is empty again.
    """
    detail = f"rate limit exceeded for the {window} window"
    return Problem(429, detail, headers={"Retry-After": str(seconds)})

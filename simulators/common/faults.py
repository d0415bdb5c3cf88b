"""Faults as data: what ``POST /simulator/faults`` takes of every stand-in alike.

Which kinds there are, and which words describe them, is each stand-in's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

LONGEST_SECONDS = 86_400.0 * 31
_MOST_TIMES = 1_000_000

Kind = TypeVar("Kind", bound=StrEnum)
Fault = TypeVar("Fault")


class BadFault(ValueError):
    """A fault says something that this simulator does not understand."""


@dataclass(frozen=True)
class Words:
    """Which words describe a fault of one kind, beside ``kind`` and ``count``."""

    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PlannedFault:
    """One thing that goes wrong, a number of times; None: until the plan is replaced."""

    kind: StrEnum
    count: int | None = 1

    def as_json(self) -> dict[str, Any]:
        """The fault as it was read."""
        words = [word for word in self.__dataclass_fields__ if word not in ("kind", "count")]
        told: dict[str, Any] = {"kind": str(self.kind), "count": self.count}
        return told | {w: getattr(self, w) for w in words if getattr(self, w) is not None}


def read_fault(
    data: object,
    kinds: type[Kind],
    words: Mapping[Kind, Words],
    value: Callable[[str, object], Any],
) -> dict[str, Any]:
    """The fields of a fault from decoded JSON.

    Args:
        data: What was sent.
        kinds: Those there are.
        words: That each of them takes.
        value: Reads the value of a word, or raises ``BadFault``.

    Raises:
        BadFault: An unknown kind or word, a missing word, or a value out of its range.
    """
    if not isinstance(data, dict):
        raise BadFault("a fault is an object")
    try:
        kind = kinds(str(data.get("kind")))
    except ValueError:
        raise BadFault(f"a fault's kind is one of {', '.join(kinds)}") from None
    given = set(data) - {"kind", "count"}
    if missing := words[kind].needed - given:
        raise BadFault(f"{kind} needs {', '.join(sorted(missing))}")
    if unknown := given - words[kind].needed - words[kind].allowed:
        raise BadFault(f"{kind} does not take {', '.join(sorted(map(str, unknown)))}")
    values = {word: value(word, data[word]) for word in given}
    return {"kind": kind, "count": _count(data.get("count", 1)), **values}


def read_plan(data: object, parse: Callable[[object], Fault]) -> tuple[Fault, ...]:
    """Read ``{"faults": [...]}``.

    Raises:
        BadFault: It is something else.
    """
    if not isinstance(data, dict) or set(data) - {"faults"}:
        raise BadFault('a plan is {"faults": [...]}')
    faults = data.get("faults", [])
    if not isinstance(faults, list):
        raise BadFault("faults is a list")
    return tuple(parse(fault) for fault in faults)


def number(word: str, value: object, smallest: float, largest: float) -> float:
    """A number within bounds. Raises ``BadFault`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFault(f"{word} is a number: {value!r}")
    if not smallest <= value <= largest:
        raise BadFault(f"{word} is between {smallest:.0f} and {largest:.0f}: {value!r}")
    return float(value)


def text(word: str, value: object, *, example: str) -> str:
    """A text; a ``route`` is a method and a path.

    Args:
        example: Of a route.

    Raises:
        BadFault: It is something else.
    """
    if not isinstance(value, str) or not value:
        raise BadFault(f"{word} is a text: {value!r}")
    if word == "route" and " /" not in value:
        raise BadFault(f"a route is a method and a path, such as {example}: {value!r}")
    return value


def _count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_TIMES:
        raise BadFault(f"count is null or between 0 and {_MOST_TIMES}: {value!r}")
    return value

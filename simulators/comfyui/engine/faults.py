"""What the engine does wrong on purpose: the plan, as `POST /simulator/faults` takes it.

A plan is data. `injector.py` applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EVERY_CLASS = "*"
_LONGEST_SECONDS = 86_400.0
_MOST_TIMES = 1_000_000


class BadPlan(ValueError):
    """A fault plan says something that this engine does not understand."""


class FaultKind(StrEnum):
    """What can go wrong."""

    SLOW = "slow"
    STALL = "stall"
    NODE_ERROR = "node_error"
    OUT_OF_MEMORY = "out_of_memory"
    DEATH = "death"
    TRUNCATED = "truncated"
    RESET = "reset"
    LOST_REPLY = "lost_reply"


_WORDS: Mapping[FaultKind, tuple[frozenset[str], ...]] = {
    FaultKind.SLOW: (frozenset({"node", "seconds"}), frozenset({"route", "seconds"})),
    FaultKind.STALL: (frozenset({"node"}),),
    FaultKind.NODE_ERROR: (frozenset({"node"}), frozenset({"node", "message"})),
    FaultKind.OUT_OF_MEMORY: (frozenset({"node"}),),
    FaultKind.DEATH: (frozenset({"node"}), frozenset({"seconds"})),
    FaultKind.TRUNCATED: (frozenset({"node"}), frozenset({"node", "keep"})),
    FaultKind.RESET: (frozenset({"route"}),),
    FaultKind.LOST_REPLY: (frozenset({"route"}),),
}
"""The sets of words that a fault of each kind is described by, beside `kind` and `count`."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, a number of times.

    Attributes:
        count: How often it still happens.
        node: Class name of the node it happens at; ``*`` for every class.
        route: Method and path of the requests it happens to, such as ``POST /prompt`` or
            ``GET /history/*``.
        seconds: How long ``slow`` takes, or how far off ``death`` is.
        message: What the node's exception says.
        keep: Share of a truncated file's bytes that stays, 0..1.
    """

    kind: FaultKind
    count: int = 1
    node: str | None = None
    route: str | None = None
    seconds: float | None = None
    message: str | None = None
    keep: float | None = None

    @classmethod
    def parse(cls, data: object) -> Fault:
        """Read a fault from decoded JSON.

        Raises:
            BadPlan: An unknown kind or word, a missing word, or a value out of its range.
        """
        if not isinstance(data, dict):
            raise BadPlan("a fault is an object")
        try:
            kind = FaultKind(str(data.get("kind")))
        except ValueError:
            raise BadPlan(f"a fault's kind is one of {', '.join(FaultKind)}") from None
        words = set(data) - {"kind", "count"}
        if words not in _WORDS[kind]:
            choices = " or ".join(", ".join(sorted(one)) for one in _WORDS[kind])
            raise BadPlan(f"{kind} takes {choices}")
        count = data.get("count", 1)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST_TIMES:
            raise BadPlan(f"not a count between 0 and {_MOST_TIMES}: {count!r}")
        given: dict[str, Any] = {str(word): _value(word, data[word]) for word in words}
        return cls(kind, count, **given)

    def as_json(self) -> dict[str, Any]:
        """The fault as ``parse`` reads it."""
        told = {"kind": str(self.kind), "count": self.count}
        words = ("node", "route", "seconds", "message", "keep")
        return told | {w: getattr(self, w) for w in words if getattr(self, w) is not None}


@dataclass(frozen=True)
class FaultPlan:
    """What the engine does on purpose.

    Attributes:
        node_delay: Seconds before a node runs, by class name; ``*`` stands for every class that
            is not named. A cached node does not wait, since it does not run.
        step_delay: Seconds per step of a sampler or upscaler.
        faults: What goes wrong, in the order in which it is looked through.
    """

    node_delay: Mapping[str, float] = field(default_factory=dict)
    step_delay: float = 0.0
    faults: tuple[Fault, ...] = ()

    @classmethod
    def parse(cls, data: object) -> FaultPlan:
        """Read a plan from decoded JSON.

        Raises:
            BadPlan: An unknown word, or a value out of its range.
        """
        if not isinstance(data, dict):
            raise BadPlan("a plan is an object")
        unknown = sorted(set(data) - {"node_delay", "step_delay", "faults"})
        if unknown:
            raise BadPlan(f"unknown words: {', '.join(map(str, unknown))}")
        delays, faults = data.get("node_delay", {}), data.get("faults", [])
        if not isinstance(delays, dict):
            raise BadPlan("node_delay is an object of seconds by class name")
        if not isinstance(faults, list):
            raise BadPlan("faults is a list")
        return cls(
            node_delay={str(name): _seconds(value) for name, value in delays.items()},
            step_delay=_seconds(data.get("step_delay", 0.0)),
            faults=tuple(Fault.parse(fault) for fault in faults),
        )

    def as_json(self) -> dict[str, Any]:
        """The plan as ``parse`` reads it."""
        return {
            "node_delay": dict(self.node_delay),
            "step_delay": self.step_delay,
            "faults": [fault.as_json() for fault in self.faults],
        }

    def delay_of(self, class_name: str) -> float:
        """Seconds that a node of that class waits."""
        return self.node_delay.get(class_name, self.node_delay.get(EVERY_CLASS, 0.0))


def _value(word: str, value: object) -> str | float:
    if word == "seconds":
        return _seconds(value)
    if word == "keep":
        return _number(value, 1.0, "share")
    if not isinstance(value, str) or not value:
        raise BadPlan(f"{word} is a text: {value!r}")
    if word == "route" and " /" not in value:
        raise BadPlan(f"a route is a method and a path, such as POST /prompt: {value!r}")
    return value


def _seconds(value: object) -> float:
    return _number(value, _LONGEST_SECONDS, "number of seconds")


def _number(value: object, largest: float, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= largest:
        raise BadPlan(f"not a {what} between 0 and {largest:.0f}: {value!r}")
    return float(value)

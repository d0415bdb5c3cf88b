"""What the simulator does wrong on purpose: faults as ``POST /simulator/faults`` takes them.

A fault is data. ``injector.py`` decides when one happens, ``README.md`` lists them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_LONGEST_SECONDS = 86_400.0 * 31
_MOST_TIMES = 1_000_000


class BadFault(ValueError):
    """A fault says something that this simulator does not understand."""


class FaultKind(StrEnum):
    """What can go wrong."""

    # a create call that is refused
    NO_CAPACITY = "no_capacity"
    BAD_REQUEST = "bad_request"
    NO_BALANCE = "no_balance"
    FORBIDDEN_POOL = "forbidden_pool"
    # a created pod
    PRICE_CHANGE = "price_change"
    EXAMPLE_REPLY = "example_reply"
    STUCK_STARTING = "stuck_starting"
    NEVER_READY = "never_ready"
    HOST_TOO_OLD = "host_too_old"
    LISTING_LAG = "listing_lag"
    STALE_STATUS = "stale_status"
    DIES = "dies"
    TERMINATE_LOST = "terminate_lost"
    # a request
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    ERROR_AFTER = "error_after"
    RESET = "reset"
    LOST_REPLY = "lost_reply"
    # the bill
    BILLING_LAG = "billing_lag"


REQUEST_KINDS = frozenset(
    {
        FaultKind.SLOW,
        FaultKind.RATE_LIMITED,
        FaultKind.SERVER_ERROR,
        FaultKind.ERROR_AFTER,
        FaultKind.RESET,
        FaultKind.LOST_REPLY,
    }
)

_SELECTORS = frozenset({"gpu", "data_center", "name", "machine"})
_CREATE = frozenset({"gpu", "data_center", "name"})
_POD = _SELECTORS | {"pod"}


@dataclass(frozen=True)
class _Words:
    """Which words describe a fault of one kind, beside ``kind`` and ``count``."""

    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()


_WORDS: Mapping[FaultKind, _Words] = {
    FaultKind.NO_CAPACITY: _Words(allowed=_CREATE),
    FaultKind.BAD_REQUEST: _Words(allowed=_CREATE | {"detail"}),
    FaultKind.NO_BALANCE: _Words(allowed=_CREATE),
    FaultKind.FORBIDDEN_POOL: _Words(allowed=_CREATE),
    FaultKind.PRICE_CHANGE: _Words(frozenset({"price"}), _CREATE),
    FaultKind.EXAMPLE_REPLY: _Words(allowed=_SELECTORS),
    FaultKind.STUCK_STARTING: _Words(allowed=_SELECTORS),
    FaultKind.NEVER_READY: _Words(allowed=_SELECTORS),
    FaultKind.HOST_TOO_OLD: _Words(allowed=_CREATE | {"cuda"}),
    FaultKind.LISTING_LAG: _Words(frozenset({"seconds"}), _SELECTORS),
    FaultKind.STALE_STATUS: _Words(frozenset({"seconds"}), _SELECTORS),
    FaultKind.DIES: _Words(allowed=_POD | {"seconds", "when", "status"}),
    FaultKind.TERMINATE_LOST: _Words(allowed=_POD),
    FaultKind.SLOW: _Words(frozenset({"route", "seconds"})),
    FaultKind.RATE_LIMITED: _Words(frozenset({"route"}), frozenset({"seconds"})),
    FaultKind.SERVER_ERROR: _Words(frozenset({"route"}), frozenset({"status_code"})),
    FaultKind.ERROR_AFTER: _Words(frozenset({"route"}), frozenset({"status_code"})),
    FaultKind.RESET: _Words(frozenset({"route"})),
    FaultKind.LOST_REPLY: _Words(frozenset({"route"})),
    FaultKind.BILLING_LAG: _Words(frozenset({"seconds"})),
}

_CHOICES: Mapping[str, frozenset[str]] = {
    "when": frozenset({"ready", "prompt", "now"}),
    "status": frozenset({"EXITED", "ERROR", "RUNNING", "TERMINATED"}),
}


@dataclass(frozen=True)
class Subject:
    """The pod, or the pod to be, that a fault may be about."""

    name: str
    gpu: str
    data_center: str | None = None
    machine: str | None = None
    pod: str | None = None


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, a number of times.

    Attributes:
        count: How often it still happens; None: until the plan is replaced.
        gpu: Only for this GPU type.
        data_center: Only in this data centre.
        name: Only for pods whose name begins so.
        machine: Only for pods on this machine.
        pod: Only for the pod with this id.
        route: Method and path of the requests it happens to, such as ``POST /v2/pods`` or
            ``DELETE /v2/pods/*``; ``*`` as the method means any.
        seconds: How long it takes, or how late it is.
        when: The moment from which ``dies`` counts its seconds.
        status: What a pod that died is reported as.
        status_code: Of an error reply.
        detail: Prose of a 400.
        price: New price of one GPU in dollars an hour.
        cuda: What the old host's driver can do.
    """

    kind: FaultKind
    count: int | None = 1
    gpu: str | None = None
    data_center: str | None = None
    name: str | None = None
    machine: str | None = None
    pod: str | None = None
    route: str | None = None
    seconds: float | None = None
    when: str | None = None
    status: str | None = None
    status_code: int | None = None
    detail: str | None = None
    price: float | None = None
    cuda: str | None = None

    @classmethod
    def parse(cls, data: object) -> Fault:
        """Read a fault from decoded JSON.

        Raises:
            BadFault: An unknown kind or word, a missing word, or a value out of its range.
        """
        if not isinstance(data, dict):
            raise BadFault("a fault is an object")
        try:
            kind = FaultKind(str(data.get("kind")))
        except ValueError:
            raise BadFault(f"a fault's kind is one of {', '.join(FaultKind)}") from None
        given = set(data) - {"kind", "count"}
        words = _WORDS[kind]
        if missing := words.needed - given:
            raise BadFault(f"{kind} needs {', '.join(sorted(missing))}")
        if unknown := given - words.needed - words.allowed:
            raise BadFault(f"{kind} does not take {', '.join(sorted(map(str, unknown)))}")
        values: dict[str, Any] = {word: _value(word, data[word]) for word in given}
        return cls(kind, _count(data.get("count", 1)), **values)

    def as_json(self) -> dict[str, Any]:
        """The fault as ``parse`` reads it."""
        words = [word for word in self.__dataclass_fields__ if word not in ("kind", "count")]
        told: dict[str, Any] = {"kind": str(self.kind), "count": self.count}
        return told | {w: getattr(self, w) for w in words if getattr(self, w) is not None}

    def is_about(self, subject: Subject) -> bool:
        """Whether its selectors fit; a selector that was left out fits everything."""
        return (
            self.gpu in (None, subject.gpu)
            and self.data_center in (None, subject.data_center)
            and subject.name.startswith(self.name or "")
            and self.machine in (None, subject.machine)
            and self.pod in (None, subject.pod)
        )


def parse_faults(data: object) -> tuple[Fault, ...]:
    """Read ``{"faults": [...]}``.

    Raises:
        BadFault: It is something else.
    """
    if not isinstance(data, dict) or set(data) - {"faults"}:
        raise BadFault('a plan is {"faults": [...]}')
    faults = data.get("faults", [])
    if not isinstance(faults, list):
        raise BadFault("faults is a list")
    return tuple(Fault.parse(fault) for fault in faults)


def _value(word: str, value: object) -> str | float | int:
    if word in ("seconds", "price"):
        return _number(word, value, _LONGEST_SECONDS)
    if word == "status_code":
        return int(_number(word, value, 599, 500))
    if not isinstance(value, str) or not value:
        raise BadFault(f"{word} is a text: {value!r}")
    if word == "route" and " /" not in value:
        raise BadFault(f"a route is a method and a path, such as POST /v2/pods: {value!r}")
    if word in _CHOICES and value not in _CHOICES[word]:
        raise BadFault(f"{word} is one of {', '.join(sorted(_CHOICES[word]))}")
    if word == "cuda" and not value.replace(".", "", 1).isdigit():
        raise BadFault(f"cuda is major.minor: {value!r}")
    return value


def _number(word: str, value: object, largest: float, smallest: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFault(f"{word} is a number: {value!r}")
    if not smallest <= value <= largest:
        raise BadFault(f"{word} is between {smallest:.0f} and {largest:.0f}: {value!r}")
    return float(value)


def _count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_TIMES:
        raise BadFault(f"count is null or between 0 and {_MOST_TIMES}: {value!r}")
    return value

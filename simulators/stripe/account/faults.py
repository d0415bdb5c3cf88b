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

    # a request
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    ERROR_AFTER = "error_after"
    RESET = "reset"
    LOST_REPLY = "lost_reply"
    # money
    CHARGE_FAILS = "charge_fails"
    REFUND_FAILS = "refund_fails"
    REFUND_PENDING = "refund_pending"
    # an event on its way
    WEBHOOK_LOSS = "webhook_loss"
    WEBHOOK_DELAY = "webhook_delay"
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_REORDER = "webhook_reorder"
    # one attempt to deliver an event
    WEBHOOK_LOST_REPLY = "webhook_lost_reply"
    WEBHOOK_NO_SIGNATURE = "webhook_no_signature"
    WEBHOOK_WRONG_SIGNATURE = "webhook_wrong_signature"
    WEBHOOK_STALE = "webhook_stale"
    WEBHOOK_FUTURE = "webhook_future"
    WEBHOOK_OTHER_ACCOUNT = "webhook_other_account"
    WEBHOOK_LIVEMODE = "webhook_livemode"


REQUEST_KINDS = frozenset(
    {
        *(FaultKind.SLOW, FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR),
        *(FaultKind.ERROR_AFTER, FaultKind.RESET, FaultKind.LOST_REPLY),
    }
)
ROUTING_KINDS = frozenset(
    {
        *(FaultKind.WEBHOOK_LOSS, FaultKind.WEBHOOK_DELAY),
        *(FaultKind.WEBHOOK_DUPLICATE, FaultKind.WEBHOOK_REORDER),
    }
)
ATTEMPT_KINDS = frozenset(
    {
        *(FaultKind.WEBHOOK_LOST_REPLY, FaultKind.WEBHOOK_NO_SIGNATURE),
        *(FaultKind.WEBHOOK_WRONG_SIGNATURE, FaultKind.WEBHOOK_STALE, FaultKind.WEBHOOK_FUTURE),
        *(FaultKind.WEBHOOK_OTHER_ACCOUNT, FaultKind.WEBHOOK_LIVEMODE),
    }
)


@dataclass(frozen=True)
class _Words:
    """Which words describe a fault of one kind, beside ``kind`` and ``count``."""

    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()


_MONEY = frozenset({"reference"})
_EVENT = frozenset({"event", "reference"})
_WORDS: Mapping[FaultKind, _Words] = {
    **dict.fromkeys(REQUEST_KINDS, _Words(frozenset({"route"}))),
    **dict.fromkeys(ROUTING_KINDS | ATTEMPT_KINDS, _Words(allowed=_EVENT)),
    FaultKind.SLOW: _Words(frozenset({"route", "seconds"})),
    FaultKind.RATE_LIMITED: _Words(frozenset({"route"}), frozenset({"seconds"})),
    FaultKind.SERVER_ERROR: _Words(frozenset({"route"}), frozenset({"status_code", "saved"})),
    FaultKind.ERROR_AFTER: _Words(frozenset({"route"}), frozenset({"status_code", "saved"})),
    FaultKind.CHARGE_FAILS: _Words(allowed=_MONEY | {"reason"}),
    FaultKind.REFUND_FAILS: _Words(allowed=_MONEY | {"seconds"}),
    FaultKind.REFUND_PENDING: _Words(allowed=_MONEY | {"seconds", "reason"}),
    FaultKind.WEBHOOK_DELAY: _Words(frozenset({"seconds"}), _EVENT),
    FaultKind.WEBHOOK_DUPLICATE: _Words(allowed=_EVENT | {"times"}),
    FaultKind.WEBHOOK_STALE: _Words(allowed=_EVENT | {"seconds"}),
    FaultKind.WEBHOOK_FUTURE: _Words(allowed=_EVENT | {"seconds"}),
}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, a number of times.

    Attributes:
        count: How often it still happens; None: until the plan is replaced.
        route: Method and path of the requests it happens to, such as ``POST /v1/refunds`` or
            ``GET /v1/*``; ``*`` as the method means any.
        event: Only for events of this type; ``*`` is a wildcard.
        reference: Only for what belongs to the session with this ``client_reference_id``.
        seconds: How long it takes, or how far off it is.
        status_code: Of an error reply.
        saved: Whether the idempotency key replays the error.
        times: How many further copies of an event are sent.
        reason: Decline code of a charge, or ``pending_reason`` of a refund.
    """

    kind: FaultKind
    count: int | None = 1
    route: str | None = None
    event: str | None = None
    reference: str | None = None
    seconds: float | None = None
    status_code: int | None = None
    saved: bool | None = None
    times: int | None = None
    reason: str | None = None

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


def _value(word: str, value: object) -> str | float | int | bool:
    if word == "seconds":
        return _number(word, value, 0, _LONGEST_SECONDS)
    if word == "status_code":
        return int(_number(word, value, 500, 599))
    if word == "times":
        return int(_number(word, value, 1, 100))
    if word == "saved":
        if not isinstance(value, bool):
            raise BadFault(f"saved is true or false: {value!r}")
        return value
    if not isinstance(value, str) or not value:
        raise BadFault(f"{word} is a text: {value!r}")
    if word == "route" and " /" not in value:
        raise BadFault(f"a route is a method and a path, such as POST /v1/refunds: {value!r}")
    return value


def _number(word: str, value: object, smallest: float, largest: float) -> float:
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

"""What the simulator does wrong on purpose: faults as ``POST /simulator/faults`` takes them.

A fault is data. ``injector.py`` decides when one happens, ``README.md`` lists them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from simulators.common.faults import (
    LONGEST_SECONDS,
    BadFault,
    PlannedFault,
    Words,
    number,
    read_fault,
    read_plan,
    text,
)


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


_WORDS: Mapping[FaultKind, Words] = {
    FaultKind.NO_CAPACITY: Words(allowed=_CREATE),
    FaultKind.BAD_REQUEST: Words(allowed=_CREATE | {"detail"}),
    FaultKind.NO_BALANCE: Words(allowed=_CREATE),
    FaultKind.FORBIDDEN_POOL: Words(allowed=_CREATE),
    FaultKind.PRICE_CHANGE: Words(frozenset({"price"}), _CREATE),
    FaultKind.EXAMPLE_REPLY: Words(allowed=_SELECTORS),
    FaultKind.STUCK_STARTING: Words(allowed=_SELECTORS),
    FaultKind.NEVER_READY: Words(allowed=_SELECTORS),
    FaultKind.HOST_TOO_OLD: Words(allowed=_CREATE | {"cuda"}),
    FaultKind.LISTING_LAG: Words(frozenset({"seconds"}), _SELECTORS),
    FaultKind.STALE_STATUS: Words(frozenset({"seconds"}), _SELECTORS),
    FaultKind.DIES: Words(allowed=_POD | {"seconds", "when", "status"}),
    FaultKind.TERMINATE_LOST: Words(allowed=_POD),
    FaultKind.SLOW: Words(frozenset({"route", "seconds"})),
    FaultKind.RATE_LIMITED: Words(frozenset({"route"}), frozenset({"seconds"})),
    FaultKind.SERVER_ERROR: Words(frozenset({"route"}), frozenset({"status_code"})),
    FaultKind.ERROR_AFTER: Words(frozenset({"route"}), frozenset({"status_code"})),
    FaultKind.RESET: Words(frozenset({"route"})),
    FaultKind.LOST_REPLY: Words(frozenset({"route"})),
    FaultKind.BILLING_LAG: Words(frozenset({"seconds"})),
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
class Fault(PlannedFault):
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
        return cls(**read_fault(data, FaultKind, _WORDS, _value))

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
    return read_plan(data, Fault.parse)


def _value(word: str, value: object) -> str | float | int:
    if word in ("seconds", "price"):
        return number(word, value, 0, LONGEST_SECONDS)
    if word == "status_code":
        return int(number(word, value, 500, 599))
    said = text(word, value, example="POST /v2/pods")
    if word in _CHOICES and said not in _CHOICES[word]:
        raise BadFault(f"{word} is one of {', '.join(sorted(_CHOICES[word]))}")
    if word == "cuda" and not said.replace(".", "", 1).isdigit():
        raise BadFault(f"cuda is major.minor: {said!r}")
    return said

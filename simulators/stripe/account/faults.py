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


_MONEY = frozenset({"reference"})
_EVENT = frozenset({"event", "reference"})
_WORDS: Mapping[FaultKind, Words] = {
    **dict.fromkeys(REQUEST_KINDS, Words(frozenset({"route"}))),
    **dict.fromkeys(ROUTING_KINDS | ATTEMPT_KINDS, Words(allowed=_EVENT)),
    FaultKind.SLOW: Words(frozenset({"route", "seconds"})),
    FaultKind.RATE_LIMITED: Words(frozenset({"route"}), frozenset({"seconds"})),
    FaultKind.SERVER_ERROR: Words(frozenset({"route"}), frozenset({"status_code", "saved"})),
    FaultKind.ERROR_AFTER: Words(frozenset({"route"}), frozenset({"status_code", "saved"})),
    FaultKind.CHARGE_FAILS: Words(allowed=_MONEY | {"reason"}),
    FaultKind.REFUND_FAILS: Words(allowed=_MONEY | {"seconds"}),
    FaultKind.REFUND_PENDING: Words(allowed=_MONEY | {"seconds", "reason"}),
    FaultKind.WEBHOOK_DELAY: Words(frozenset({"seconds"}), _EVENT),
    FaultKind.WEBHOOK_DUPLICATE: Words(allowed=_EVENT | {"times"}),
    FaultKind.WEBHOOK_STALE: Words(allowed=_EVENT | {"seconds"}),
    FaultKind.WEBHOOK_FUTURE: Words(allowed=_EVENT | {"seconds"}),
}


@dataclass(frozen=True)
class Fault(PlannedFault):
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
        return cls(**read_fault(data, FaultKind, _WORDS, _value))


def parse_faults(data: object) -> tuple[Fault, ...]:
    """Read ``{"faults": [...]}``.

    Raises:
        BadFault: It is something else.
    """
    return read_plan(data, Fault.parse)


def _value(word: str, value: object) -> str | float | int | bool:
    if word == "seconds":
        return number(word, value, 0, LONGEST_SECONDS)
    if word == "status_code":
        return int(number(word, value, 500, 599))
    if word == "times":
        return int(number(word, value, 1, 100))
    if word == "saved":
        if not isinstance(value, bool):
            raise BadFault(f"saved is true or false: {value!r}")
        return value
    return text(word, value, example="POST /v1/refunds")

"""The sweep: finds what no announcement told of, and what stands still."""

from datetime import datetime

from rekindle.contracts.payload import Payload

SWEEP = "Sweep"
SWEEP_SCHEDULE = "sweep"


class FetchEvents(Payload):
    """Have the payment provider's events since then in the inbox."""

    since: datetime


class FetchedEvents(Payload):
    """What that came to.

    Attributes:
        until: all events until then are in the inbox, so the next look begins there; None where
            there is no provider to ask.
        new: events that had not been announced.
        woken: orders that were woken for them.
    """

    until: datetime | None = None
    new: int = 0
    woken: int = 0


class WakeWaiting(Payload):
    """Wake the orders of events that did no work.

    Attributes:
        told_until: events that were received until then were told of as nobody's.
    """

    told_until: datetime | None = None


class WokenWaiting(Payload):
    """What that came to.

    Attributes:
        woken: orders.
        nobodys: events for over an hour whose order nobody knows.
        told_until: see `WakeWaiting`.
    """

    woken: int = 0
    nobodys: int = 0
    told_until: datetime | None = None


class WakeStuck(Payload):
    """Wake orders that stand still; each one not again before some time has passed.

    Attributes:
        since: when it was looked last; None wakes every one of them.
    """

    since: datetime | None = None


class WokenStuck(Payload):
    """How many orders were woken, of those that stood still at `until`."""

    until: datetime
    woken: int = 0


class Swept(Payload):
    """What a run hands to the next one; what a part could not do stays as it was.

    Attributes:
        events_until: see `FetchedEvents`.
        told_until: see `WakeWaiting`.
        stuck_until: see `WakeStuck`.
        incoming_after: see `ClearUploads`.
        strays_after: see `EraseStrays`.
        strays_finished_at: the same.
    """

    events_until: datetime | None = None
    told_until: datetime | None = None
    stuck_until: datetime | None = None
    incoming_after: str | None = None
    strays_after: str | None = None
    strays_finished_at: datetime | None = None

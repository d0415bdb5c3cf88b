"""The bill: pod costs in buckets of time, as ``GET /v2/billing/pods`` tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.runpod.cloud.ledger import Account
from simulators.runpod.moments import rfc3339

SIZES = ("hour", "day", "week", "month", "year")
AMOUNTS = ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount")


@dataclass(frozen=True)
class Window:
    """A stretch of time on the boundaries of its buckets, in Unix seconds."""

    start: float
    end: float
    size: str

    def buckets(self) -> Iterator[tuple[float, float]]:
        """Start and end of each bucket."""
        start = self.start
        while start < self.end:
            end = next_bucket(start, self.size)
            yield start, end
            start = end


def window(size: str, start: float, end: float) -> Window:
    """A window widened to whole buckets.

    Raises:
        ValueError: It ends before it starts.
    """
    if end < start:
        raise ValueError("endTime is before startTime")
    first = bucket_start(start, size)
    last = bucket_start(end, size)
    return Window(first, last if last == end else next_bucket(last, size), size)


def last_buckets(now: float, size: str, count: int) -> Window:
    """The last so many buckets, with the current one."""
    start = bucket_start(now, size)
    end = next_bucket(start, size)
    for _ in range(count - 1):
        start = bucket_start(start - 1, size)
    return Window(start, end, size)


def bill(accounts: Iterable[Account], when: Window, known_until: float) -> list[dict[str, Any]]:
    """One record for each pod and bucket in which it cost something.

    Args:
        accounts: Whose records.
        when: The window.
        known_until: What happened later is not on the bill yet, in Unix seconds.
    """
    records = []
    for start, end in when.buckets():
        for account in accounts:
            seconds = account.seconds(known_until, start, min(end, known_until))
            if seconds > 0:
                records.append(_record(account, seconds, start, end))
    return records


def totals(records: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Sums of the amounts."""
    kept = list(records)
    return {name: sum(record[name] for record in kept) for name in AMOUNTS}


def bucket_start(at: float, size: str) -> float:
    """When the bucket began that a moment is in; weeks begin on Monday, all in UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    if size == "hour":
        return moment.replace(minute=0, second=0, microsecond=0).timestamp()
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if size == "week":
        day -= timedelta(days=day.weekday())
    elif size == "month":
        day = day.replace(day=1)
    elif size == "year":
        day = day.replace(month=1, day=1)
    return day.timestamp()


def next_bucket(start: float, size: str) -> float:
    """When the bucket ends that begins there."""
    longest = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}[size]
    if size in ("hour", "day", "week"):
        return start + longest * 86_400
    return bucket_start(start + longest * 86_400, size)


def _record(account: Account, seconds: float, start: float, end: float) -> dict[str, Any]:
    compute, disk = account.compute_cost(seconds), account.disk_cost(seconds)
    return {
        "startTime": rfc3339(start),
        "endTime": rfc3339(end),
        "podId": account.id,
        "totalAmount": compute + disk,
        "gpuAmount": compute if account.gpu else 0.0,
        "cpuAmount": 0.0 if account.gpu else compute,
        "diskAmount": disk,
    }

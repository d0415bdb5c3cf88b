"""Every pod ever rented and what it cost, second by second.

The meter runs from the moment a pod is placed, which is the create call, and stops when it is
EXITED or TERMINATED: that is what the vendor's ``cost`` says ("0.0 when EXITED or TERMINATED",
and 0.44 in the example of a pod that is still PROVISIONING).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from simulators.runpod.cloud.pod import FREE_OF_CHARGE, Status

HOUR = 3_600.0
DISK_RATE = 0.10 / 730 / HOUR
"""Dollars per second of one GB of container disk: 0.10 a month of 730 hours."""


@dataclass
class Account:
    """What one pod costs.

    Attributes:
        rate: Dollars an hour.
        disk: Container disk in GB.
        spans: When the meter ran, from and to; it still runs where the end is None.
        ended_by: Who or what stopped the meter last.
    """

    id: str
    name: str
    gpu: str
    gpu_count: int
    data_center: str
    machine: str
    rate: float
    disk: int
    created_at: float
    status: str
    spans: list[tuple[float, float | None]] = field(default_factory=list)
    ended_at: float | None = None
    ended_by: str | None = None
    terminated_at: float | None = None

    @property
    def is_billed(self) -> bool:
        """Whether the meter runs."""
        return bool(self.spans) and self.spans[-1][1] is None

    def move(self, status: Status, at: float, by: str) -> None:
        """Follow the pod into another state."""
        self.status = str(status)
        if status in FREE_OF_CHARGE and self.is_billed:
            self.spans[-1] = (self.spans[-1][0], at)
            self.ended_at, self.ended_by = at, by
        elif status not in FREE_OF_CHARGE and not self.is_billed:
            self.spans.append((at, None))
            self.ended_at = self.ended_by = None
        if status is Status.TERMINATED:
            self.terminated_at = at

    def seconds(self, now: float, start: float = 0.0, end: float = float("inf")) -> float:
        """Seconds billed inside a window."""
        closed = ((a, now if b is None else b) for a, b in self.spans)
        return sum(max(0.0, min(b, end) - max(a, start)) for a, b in closed)

    def compute_cost(self, seconds: float) -> float:
        """Dollars for so many seconds of GPU or CPU."""
        return seconds * self.rate / HOUR

    def disk_cost(self, seconds: float) -> float:
        """Dollars for so many seconds of container disk."""
        return seconds * self.disk * DISK_RATE

    def as_json(self, now: float) -> dict[str, Any]:
        """The account as ``GET /simulator/ledger`` shows it."""
        seconds = self.seconds(now)
        return {
            "id": self.id,
            "name": self.name,
            "gpu": self.gpu,
            "gpu_count": self.gpu_count,
            "data_center": self.data_center,
            "machine": self.machine,
            "rate": self.rate,
            "status": self.status,
            "created_at": self.created_at,
            "billing_started_at": self.spans[0][0] if self.spans else None,
            "is_billed": self.is_billed,
            "ended_at": self.ended_at,
            "ended_by": self.ended_by,
            "terminated_at": self.terminated_at,
            "spans": [list(span) for span in self.spans],
            "seconds": seconds,
            "cost": self.compute_cost(seconds),
        }


class Ledger:
    """All accounts, kept by reading along in the journal."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.accounts: dict[str, Account] = {}

    def apply(self, line: dict[str, Any]) -> None:
        """Read one line of the journal."""
        if line["event"] == "created":
            self._open(line)
        elif line["event"] == "moved":
            account = self.accounts[line["pod"]]
            account.move(Status(line["view"]["status"]), line["at"], line["by"])

    def as_json(self, name_prefix: str = "") -> dict[str, Any]:
        """Accounts in the order of creation, and their sums."""
        now = self._now()
        chosen = [a for a in self.accounts.values() if a.name.startswith(name_prefix)]
        pods = [account.as_json(now) for account in chosen]
        return {
            "now": now,
            "pods": pods,
            "seconds": sum(pod["seconds"] for pod in pods),
            "cost": sum(pod["cost"] for pod in pods),
            "most_at_once": most_at_once(chosen),
        }

    def _open(self, line: dict[str, Any]) -> None:
        spec, machine = line["spec"], line["machine"]
        gpu = spec.get("gpu", {})
        account = Account(
            id=line["pod"],
            name=spec["name"],
            gpu=gpu.get("id", ""),
            gpu_count=gpu.get("count", 0),
            data_center=machine["data_center"],
            machine=machine["name"],
            rate=line["rate"],
            disk=spec["disk"],
            created_at=line["at"],
            status="",
        )
        account.move(Status.PROVISIONING, line["at"], "api")
        self.accounts[account.id] = account


def most_at_once(accounts: Iterable[Account]) -> int:
    """How many pods were billed at the same moment at most."""
    steps = []
    for account in accounts:
        for start, end in account.spans:
            steps.append((start, 1))
            if end is not None:
                steps.append((end, -1))
    running = most = 0
    for _, step in sorted(steps):
        running += step
        most = max(most, running)
    return most

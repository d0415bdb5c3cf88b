"""Other policies, to compare with: what people and platforms commonly do."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, sqrt

from deploy.lab.world import NOTHING, Orders, State, View

Target = Callable[[View], int]


@dataclass
class Targeted:
    """Start up to a target at once; drain what was idle for so long and is above it."""

    name: str
    target: Target
    idle_seconds: float | None
    every: float | None = None

    def look(self, view: View) -> Orders:
        """Compare the target with what is there."""
        here = len(view.pods) - view.count(State.LEAVING)
        surplus = here - self.target(view)
        if surplus < 0:
            return Orders(start=-surplus)
        if not surplus or self.idle_seconds is None:
            return NOTHING
        before = view.now - self.idle_seconds
        idle = [p for p in view.pods.values() if p.state is State.IDLE and p.since <= before]
        idle.sort(key=lambda p: -p.number)
        return Orders(drain=tuple(p.number for p in idle[:surplus]))


def _jobs(view: View) -> int:
    return view.waiting + view.count(State.BUSY, State.LEAVING)


def one_to_one(idle: float) -> Targeted:
    """A pod per queued or running job."""
    return Targeted(f"one to one, idle {idle:g} s", _jobs, idle)


def request_count(each: int, idle: float) -> Targeted:
    """A pod per so many requests, as serverless platforms count them."""
    return Targeted(f"requests / {each}, idle {idle:g} s", lambda v: ceil(_jobs(v) / each), idle)


def fixed(pods: int) -> Targeted:
    """So many pods, always."""
    return Targeted(f"fixed {pods}", lambda _: pods, None)


def rate_based(window: float, b: float, idle: float, work: float) -> Targeted:
    """Square-root staffing on the arrivals of a window, at least one to one."""

    def target(view: View) -> int:
        load = view.recent(window) / window * work
        return max(_jobs(view), round(load + b * sqrt(load)))

    return Targeted(f"rate {window / 60:g} min, b {b:g}, idle {idle:g} s", target, idle)


@dataclass
class QueueDelay:
    """One pod more, one at a time, while the oldest job has waited for longer than `delay`."""

    delay: float
    idle_seconds: float
    every: float | None = 5.0

    @property
    def name(self) -> str:
        """In tables."""
        return f"queue delay {self.delay:g} s, idle {self.idle_seconds:g} s"

    def look(self, view: View) -> Orders:
        """Compare the wait of the oldest with the delay."""
        oldest = min((view.arrivals[q[0]] for q in view.queues.values() if q), default=view.now)
        if view.now - oldest > self.delay and not view.count(State.BOOTING):
            return Orders(start=1)
        before = view.now - self.idle_seconds
        idle = (p for p in view.pods.values() if p.state is State.IDLE and p.since <= before)
        return Orders(drain=tuple(p.number for p in idle))


@dataclass
class Keda:
    """KEDA with its Temporal scaler and the autoscaler's defaults, as its manual describes them.

    Every 30 s as many pods as the backlog over its target; the highest of the last five minutes
    counts, and working pods are spared (which the real one only does with further help).
    """

    backlog: int = 5
    every: float | None = 30.0
    idle_seconds: float | None = None
    _history: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def name(self) -> str:
        """In tables."""
        return f"KEDA-like, backlog {self.backlog}"

    def look(self, view: View) -> Orders:
        """Compare the highest recent recommendation with what is there."""
        self._history.append((view.now, ceil(view.waiting / self.backlog)))
        while self._history[0][0] < view.now - 300:
            self._history.popleft()
        wanted, here = max(pods for _, pods in self._history), len(view.pods)
        if wanted >= here:
            return Orders(start=wanted - here)
        idle = sorted((p.number for p in view.pods.values() if p.state is State.IDLE), reverse=True)
        return Orders(drain=tuple(idle[: here - wanted]))

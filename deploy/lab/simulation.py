"""Event simulation: the jobs of a trace on the pods that a policy orders."""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from random import Random

from deploy.lab.trace import DAY, Trace
from deploy.lab.world import Controller, Pod, State, View, World


class _Kind(IntEnum):
    """Events; those of the same moment happen in this order."""

    END = 0
    LOSS = 1
    READY = 2
    ARRIVAL = 3
    LOOK = 4


@dataclass
class Run:
    """What happened.

    Attributes:
        starts: when each job began the run that succeeded, seconds; infinite when none did.
        rented: (from, until) of every pod that was paid, seconds.
        most: pods open at once at most.
        failures: boots that failed and pods that were lost.
    """

    starts: list[float]
    rented: list[tuple[float, float]] = field(default_factory=list)
    most: int = 0
    failures: int = 0


def simulate(trace: Trace, controller: Controller, world: World) -> Run:
    """Run a trace under one policy, most urgent jobs first, then the oldest.

    It ends with the trace's last day, or later when jobs still wait, yet after a day at most. A
    lost pod's job goes back to the front of its queue.
    """
    return _Simulation(trace, controller, world).run()


class _Simulation:
    def __init__(self, trace: Trace, controller: Controller, world: World) -> None:
        self._trace, self._controller, self._world = trace, controller, world
        self._random = Random(world.seed)  # noqa: S311 - no secret
        queues: dict[int, deque[int]] = {p: deque() for p in sorted(set(trace.priorities))}
        self._view = View(trace.arrivals, queues=queues)
        self._events: list[tuple[float, _Kind, int, Pod | None, int]] = []
        self._serial = 0
        self._result = Run([float("inf")] * len(trace.arrivals))

    def run(self) -> Run:
        view, every, end = self._view, self._controller.every, self._trace.days * DAY
        self._push_arrival()
        self._push(0.0, _Kind.LOOK)
        while self._events:
            now, kind, _, pod, job = heappop(self._events)
            if now > end and (not self._is_busy() or now > end + DAY):
                break
            view.now = now
            self._happen(kind, pod, job)
            if kind is _Kind.LOOK and every is not None and pod is None:
                self._push(now + every, _Kind.LOOK)
            found_none = kind in (_Kind.ARRIVAL, _Kind.LOSS) and view.waiting
            if every is None or kind is _Kind.LOOK or found_none:
                self._look()
        for left in list(view.pods.values()):
            self._close(left, max(end, left.asked_at))
        return self._result

    def _is_busy(self) -> bool:
        return bool(self._view.waiting or self._view.count(State.BUSY, State.LEAVING))

    def _push(self, at: float, kind: _Kind, pod: Pod | None = None, job: int = -1) -> None:
        self._serial += 1
        heappush(self._events, (at, kind, self._serial, pod, job))

    def _push_arrival(self) -> None:
        if self._view.arrived < len(self._trace.arrivals):
            self._push(self._trace.arrivals[self._view.arrived], _Kind.ARRIVAL)

    def _happen(self, kind: _Kind, pod: Pod | None, job: int) -> None:
        view = self._view
        if kind is _Kind.ARRIVAL:
            view.queues[self._trace.priorities[view.arrived]].append(view.arrived)
            view.arrived += 1
            self._push_arrival()
            idle = [p for p in view.pods.values() if p.state is State.IDLE]
            if idle:
                self._serve(min(idle, key=lambda p: p.number))
        elif pod is None or view.pods.get(pod.number) is not pod:
            return  # a look, or something of a pod that is gone
        elif kind is _Kind.END:
            self._free(pod, leaving=pod.state is State.LEAVING)
        elif kind is _Kind.READY:
            self._ready(pod, failed=job > 0)
        elif kind is _Kind.LOSS:
            self._lose(pod)

    def _serve(self, pod: Pod) -> None:
        """Give a free pod the next job, if there is one."""
        view = self._view
        for queue in view.queues.values():
            if queue:
                pod.state, pod.since, pod.job = State.BUSY, view.now, queue.popleft()
                self._result.starts[pod.job] = view.now
                self._push(view.now + self._trace.durations[pod.job], _Kind.END, pod, pod.job)
                return
        pod.state, pod.since, pod.job = State.IDLE, view.now, -1
        if self._controller.idle_seconds is not None:
            self._push(view.now + self._controller.idle_seconds, _Kind.LOOK, pod)

    def _free(self, pod: Pod, *, leaving: bool) -> None:
        if leaving:
            self._close(pod, self._view.now)
        else:
            self._serve(pod)

    def _ready(self, pod: Pod, *, failed: bool) -> None:
        if failed:
            self._result.failures += 1
            self._close(pod, self._view.now)
            return
        self._serve(pod)
        if self._world.lost_per_day > 0:
            life = self._random.expovariate(self._world.lost_per_day / DAY)
            self._push(self._view.now + life, _Kind.LOSS, pod)

    def _lose(self, pod: Pod) -> None:
        self._result.failures += 1
        if pod.job >= 0:
            self._result.starts[pod.job] = float("inf")
            self._view.queues[self._trace.priorities[pod.job]].appendleft(pod.job)
        self._close(pod, self._view.now)
        idle = [p for p in self._view.pods.values() if p.state is State.IDLE]
        if idle and pod.job >= 0:
            self._serve(min(idle, key=lambda p: p.number))

    def _close(self, pod: Pod, at: float) -> None:
        del self._view.pods[pod.number]
        self._result.rented.append((pod.asked_at, at))

    def _look(self) -> None:
        view = self._view
        orders = self._controller.look(view)
        for number in orders.drain:
            pod = view.pods[number]
            if pod.state is State.BUSY:
                pod.state = State.LEAVING
            else:
                self._close(pod, view.now)
        for _ in range(orders.start):
            self._start()
        self._result.most = max(self._result.most, len(view.pods))

    def _start(self) -> None:
        view, world = self._view, self._world
        if len(view.pods) >= world.max_pods:
            return
        number = next(n for n in range(world.max_pods) if n not in view.pods)
        pod = view.pods[number] = Pod(number, view.now, since=view.now)
        boot = world.boot
        if world.boot_most is not None:
            boot = self._random.uniform(world.boot, world.boot_most)
        failed = world.boot_failures > 0 and self._random.random() < world.boot_failures
        self._push(view.now + boot, _Kind.READY, pod, int(failed))

"""The production policy in the laboratory: the facts that `AutoscalePods` would gather."""

from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.lab.trace import PAID
from deploy.lab.world import Orders, Pod, State, View
from rekindle.rules.scaling import (
    WINDOWS,
    ClassPolicy,
    Demand,
    Habits,
    Measured,
    PodFact,
    PodPhase,
    Recent,
    Waiting,
    decide,
)

FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
"""The midnight on which every trace begins: a Monday."""


@dataclass
class Production:
    """`rekindle.rules.scaling.decide`, every 30 s and whenever a job finds no free pod."""

    policy: ClassPolicy
    measured: Measured
    habits: Habits
    name: str = "Rekindle"
    every: float | None = 30.0
    idle_seconds: float | None = None

    def look(self, view: View) -> Orders:
        """Gather the facts and decide."""
        now = datetime.fromtimestamp(FIRST_DAY.timestamp() + view.now, UTC)
        pods = [self._fact(pod, view.now) for pod in view.pods.values()]
        decision = decide(
            now, self.policy, self._demand(view), pods, measured=self.measured, habits=self.habits
        )
        return Orders(len(decision.start), decision.drain + decision.finish)

    def _demand(self, view: View) -> Demand:
        work = self.measured.work_mean
        return Demand(
            queued=tuple(
                Waiting(priority <= PAID, len(queue), len(queue) * work)
                for priority, queue in view.queues.items()
                if queue
            ),
            running=tuple(
                max(work - (view.now - pod.since), 1.0)
                for pod in view.pods.values()
                if pod.state is State.BUSY
            ),
            recent=tuple(Recent(window, view.recent(window)) for window in WINDOWS),
        )

    def _fact(self, pod: Pod, now: float) -> PodFact:
        phase = PodPhase.READY
        if pod.state is State.BOOTING:
            phase = PodPhase.BOOTING
        elif pod.state is State.LEAVING:
            phase = PodPhase.DRAINING
        return PodFact(
            number=pod.number,
            phase=phase,
            age_seconds=now - pod.asked_at,
            idle_for=now - pod.since if pod.state is State.IDLE else None,
        )

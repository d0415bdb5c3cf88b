"""One experiment: the production policy and its rivals on the same days in the same world."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, sqrt

from deploy.lab import rivals
from deploy.lab.optimum import zero_wait_optimum
from deploy.lab.production import Production
from deploy.lab.score import Score, score
from deploy.lab.simulation import simulate
from deploy.lab.trace import DAY, Trace, beginning
from deploy.lab.world import Controller, World
from rekindle.rules.scaling import ClassPolicy, Habits, Measured

_LEAST, _MOST, _HALVINGS = 50.0, 25_600.0, 8
"""Between which values of its knob the policy is fitted, and how closely: to 4 %."""

CURVE = (0.125, 0.25, 0.5, 1.0, 2.0)
"""The knob `late_seconds` of the curve, in multiples of that of the policy."""


@dataclass(frozen=True)
class Experiment:
    """What is compared on what.

    Attributes:
        trace: the jobs.
        world: how pods behave.
        policy: of ours; its `max_pods` is the world's.
        train_days: only these first days may set constants (mean work, the size of fixed fleets,
            and the knob where it is fitted).
        score_days: how many days after them count; None takes all.
    """

    trace: Trace
    world: World
    policy: ClassPolicy
    train_days: float = 7.0
    score_days: float | None = None

    def __post_init__(self) -> None:
        """Check that days are left to score.

        Raises:
            ValueError: they are not, or no job arrives while constants are set or scored.
        """
        arrivals = self.trace.arrivals
        for begin, end in ((0.0, self.begin), (self.begin, self.end)):
            if not any(begin <= arrival < end for arrival in arrivals):
                raise ValueError(
                    f"the trace has {self.trace.days:g} days, and no job arrives from day "
                    f"{begin / DAY:g} to day {end / DAY:g}"
                )

    @property
    def begin(self) -> float:
        """First second that is scored."""
        return self.train_days * DAY

    @property
    def end(self) -> float:
        """Second at which scoring ends."""
        last = self.trace.days * DAY
        return last if self.score_days is None else min(self.begin + self.score_days * DAY, last)

    @property
    def optimum(self) -> float:
        """Pod seconds of the zero-wait optimum on the scored days, for a boot of mean length."""
        boot = self.world.boot_mean
        return zero_wait_optimum(self.trace, boot, begin=self.begin, end=self.end)

    def _training(self) -> tuple[float, float]:
        """Mean GPU seconds of a job, and mean busy pods, on the days that set constants."""
        pairs = zip(self.trace.arrivals, self.trace.durations, strict=True)
        work = [duration for arrival, duration in pairs if arrival < self.begin]
        return sum(work) / len(work), sum(work) / self.begin

    def ours(self, late_seconds: float | None = None) -> Controller:
        """The production policy, as it would run after the training days."""
        worth = self.policy.late_seconds if late_seconds is None else late_seconds
        policy = replace(self.policy, max_pods=self.world.max_pods, late_seconds=worth)
        measured = Measured(self.world.boot_mean, self.world.boot_p90, self._training()[0])
        return Production(policy, measured, Habits(), name=f"Rekindle, {worth:g} s")

    def fitted(self) -> float:
        """The least `late_seconds` that keeps the training days' p95 within the target wait.

        The days that are scored are not looked at. Where no value does, the largest.
        """
        week, low, high = beginning(self.trace, self.begin), _LEAST, _MOST
        for _ in range(_HALVINGS):
            middle = sqrt(low * high)
            run = simulate(week, self.ours(middle), self.world)
            told = score("", week, run, optimum=1.0, begin=0.0, end=self.begin)
            if told.p95 <= self.policy.target_wait_seconds:
                high = middle
            else:
                low = middle
        return float(round(high))

    def with_knob(self, late_seconds: float) -> "Experiment":
        """The same with the policy's knob at another value."""
        return replace(self, policy=replace(self.policy, late_seconds=late_seconds))

    def others(self) -> list[Controller]:
        """What it is compared with."""
        work, load = self._training()
        return [
            *(rivals.one_to_one(idle) for idle in (60.0, 120.0, 300.0, 600.0)),
            rivals.request_count(4, 5.0),
            rivals.QueueDelay(4.0, 60.0),
            rivals.rate_based(600.0, 1.0, 120.0, work),
            rivals.rate_based(1800.0, 1.0, 120.0, work),
            rivals.Keda(5),
            rivals.fixed(ceil(load + 2 * sqrt(load))),
            rivals.fixed(ceil(load + 5 * sqrt(load))),
        ]

    def scored(self, controllers: list[Controller]) -> Iterator[Score]:
        """Run these policies, one after the other; each starts from no pod on the first day."""
        optimum = self.optimum
        for controller in controllers:
            run = simulate(self.trace, controller, self.world)
            yield score(
                controller.name, self.trace, run, optimum=optimum, begin=self.begin, end=self.end
            )

    def curve(self) -> list[Controller]:
        """The production policy at several values of its knob."""
        return [self.ours(self.policy.late_seconds * times) for times in CURVE]

"""The spend ceiling: how many pods the money of this hour and this day still covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rekindle.rules.scaling.facts import ClassPolicy, Money

HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True)
class Budget:
    """What open pods may still cost.

    A pod is counted until the end of the clock hour against the limit of the hour. Against that of
    the day it is counted for an hour ahead at most: a pod can be returned at any time, and one that
    were counted until midnight would forbid a second one all morning.
    """

    hour_left: float
    hour_ahead: float
    day_left: float
    day_ahead: float

    def covers(self, usd_per_hour: float) -> bool:
        """Whether pods that cost this much together stay within both limits."""
        slack = 1e-9
        return (
            usd_per_hour * self.hour_ahead / HOUR <= self.hour_left + slack
            and usd_per_hour * self.day_ahead / HOUR <= self.day_left + slack
        )


def budget(policy: ClassPolicy, money: Money, now: datetime, *, paid: bool) -> Budget:
    """What is left of both limits.

    Args:
        policy: the limits and the share of them that is kept for paid work.
        money: what was spent.
        now: aware; hours and days are those of UTC.
        paid: for waiting paid work, which may use the reserve.
    """
    share = 1.0 if paid else 1.0 - policy.paid_reserve
    second = now.timestamp()
    hour_ahead = HOUR - second % HOUR
    day_ahead = min(DAY - second % DAY, HOUR)
    no_limit = float("inf")
    hour = no_limit if policy.usd_per_hour is None else policy.usd_per_hour * share - money.hour
    day = no_limit if policy.usd_per_day is None else policy.usd_per_day * share - money.day
    return Budget(hour, hour_ahead, day, day_ahead)


def covered(rates: Sequence[float], already: float, left: Budget) -> int:
    """How many of these pods, in this order, the budget covers beside what is open `already`.

    Args:
        rates: US dollars an hour of each pod.
        already: US dollars an hour that cannot be ended now.
        left: what may be spent.
    """
    total = already
    for count, rate in enumerate(rates):
        total += rate
        if not left.covers(total):
            return count
    return len(rates)

"""The autoscaling policy: how many pods a GPU class should have, decided from plain facts.

No I/O and no clock: `AutoscalePods` gathers the facts and does what `decide` says, and
`rekindle lab` replays traces through the same function with a virtual clock.
"""

from rekindle.rules.scaling.cron import Prewarm, parse_prewarm
from rekindle.rules.scaling.facts import (
    ClassPolicy,
    Decision,
    Demand,
    Measured,
    Money,
    PodFact,
    PodPhase,
    Reason,
    Recent,
    Waiting,
)
from rekindle.rules.scaling.habits import WINDOWS, Habits
from rekindle.rules.scaling.policy import decide

__all__ = [
    "WINDOWS",
    "ClassPolicy",
    "Decision",
    "Demand",
    "Habits",
    "Measured",
    "Money",
    "PodFact",
    "PodPhase",
    "Prewarm",
    "Reason",
    "Recent",
    "Waiting",
    "decide",
    "parse_prewarm",
]

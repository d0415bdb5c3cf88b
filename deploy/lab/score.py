"""What a run was worth: money against the optimum, and waits."""

from dataclasses import dataclass

import numpy as np

from deploy.lab.simulation import Run
from deploy.lab.trace import Trace


@dataclass(frozen=True)
class Score:
    """One line of the table.

    Attributes:
        name: of the policy.
        paid_hours: pod hours that were paid within the scored days.
        cost_ratio: these over the zero-wait optimum.
        busy: useful share of the paid time.
        p50: median wait from arrival to start, seconds; p90, p95, p99 likewise.
        late: share of jobs that waited longer than 15 s.
        most_pods: pods open at once at most.
        failures: failed boots and lost pods.
    """

    name: str
    paid_hours: float
    cost_ratio: float
    busy: float
    p50: float
    p90: float
    p95: float
    p99: float
    late: float
    most_pods: int
    failures: int


def score(name: str, trace: Trace, run: Run, *, optimum: float, begin: float, end: float) -> Score:
    """Score the days from `begin` to `end` (seconds) of a run.

    Args:
        name: of the policy.
        trace: what was run.
        run: what happened.
        optimum: pod seconds of the zero-wait optimum of these days.
        begin: jobs that arrived and money that was paid before do not count.
        end: nor after.
    """
    arrivals = np.array(trace.arrivals)
    chosen = (arrivals >= begin) & (arrivals < end)
    waits = np.array(run.starts)[chosen] - arrivals[chosen]
    useful = float(np.array(trace.durations)[chosen].sum())
    paid = sum(max(min(until, end) - max(since, begin), 0.0) for since, until in run.rented)
    p50, p90, p95, p99 = np.percentile(waits, (50, 90, 95, 99), method="higher").tolist()
    return Score(
        name=name,
        paid_hours=paid / 3600,
        cost_ratio=paid / optimum if optimum else float("inf"),
        busy=useful / paid if paid else 0.0,
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        late=float((waits > 15).mean()),
        most_pods=run.most,
        failures=run.failures,
    )

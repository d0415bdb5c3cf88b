"""What a fleet would cost that knew the future and let nobody wait."""

import numpy as np

from deploy.lab.trace import Trace


def zero_wait_optimum(trace: Trace, boot: float, *, begin: float, end: float) -> float:
    """Pod seconds of the cheapest fleet without waiting: exact, offline.

    Seen per level of concurrency, the work of level k needs one pod, and each gap between two
    stretches of its work costs the shorter of waiting through it and booting anew.

    Args:
        trace: the jobs.
        boot: seconds that a boot takes and is paid for.
        begin: only jobs that arrive from here on count, seconds.
        end: and before this.
    """
    arrivals, durations = np.array(trace.arrivals), np.array(trace.durations)
    chosen = (arrivals >= begin) & (arrivals < end)
    arrivals, durations = arrivals[chosen], durations[chosen]
    times = np.concatenate((arrivals, arrivals + durations))
    steps = np.concatenate((np.ones(len(arrivals), int), -np.ones(len(arrivals), int)))
    order = np.lexsort((steps, times))  # at the same moment a job ends before another begins
    times, steps = times[order], steps[order]
    level = np.cumsum(steps)
    total = float(durations.sum())
    for pod in range(1, int(level.max(initial=0)) + 1):
        begins = times[(steps > 0) & (level == pod)]
        ends = times[(steps < 0) & (level == pod - 1)]
        total += float(np.minimum(begins[1:] - ends[:-1], boot).sum())
    return total

"""A synthetic twin of an image service's production trace: visits of people, bursts, busy evenings.

The numbers were fitted to 19 days of a real service (26,233 requests); the trace itself has no
licence and is not here. Visits in day d and hour h are Poisson(V_d w_h G), G gamma of mean 1; a
visit is some requests with lognormal gaps.
"""

import numpy as np

from deploy.lab.trace import DAY, FREE, PAID, Trace, made_of

VISITS = (
    *(157, 278, 370, 322, 71, 229, 341, 352, 305, 486),
    *(129, 53, 379, 518, 551, 509, 515, 161, 58),
)
"""Visits of each day."""

HOURS = (
    *(14.2, 3.8, 4.6, 3.5, 1.9, 1.2, 1.0, 0.5, 0.3, 0.1, 0, 0),
    *(0, 0, 0, 0.1, 3.1, 9.5, 10.0, 1.9, 5.5, 12.7, 12.2, 13.7),
)
"""Share of a day's visits in each hour, percent."""

FLASH = (34, 64, 53)
"""Requests that one person posted in three minutes, one number per minute, of ten seconds each."""
FLASH_DAY = 12

PAID_SHARE = 0.1


def twin(seed: int, *, days: int = len(VISITS), flash: int = 1) -> Trace:
    """Generate the trace of a seed.

    Args:
        seed: the same seed is the same trace.
        days: how many; beyond the nineteen that were fitted, they begin anew.
        flash: how many times the 151 requests come that one person posts within three minutes, in
            the last third; 0 leaves that person out.
    """
    random = np.random.default_rng(seed)
    jobs: list[tuple[float, float, int]] = []
    for day in range(days):
        for hour, share in enumerate(HOURS):
            mean = VISITS[day % len(VISITS)] * share / 100 * random.gamma(6.0, 1 / 6.0)
            for start in random.uniform(0, 3600, random.poisson(mean)):
                jobs += _visit(random, day * DAY + hour * 3600 + float(start))
    if flash and days > FLASH_DAY:
        for minute, requests in enumerate(FLASH):
            begin = FLASH_DAY * DAY + 21 * 3600 + 60 * minute
            jobs += [
                (begin + float(at), 10.0, FREE) for at in random.uniform(0, 60, flash * requests)
            ]
    return made_of([job for job in jobs if job[0] < days * DAY])


def copies(trace: Trace, count: int, seed: int) -> Trace:
    """The load of `count` such services: copies shifted by whole days, jobs moved by +-30 min."""
    if count <= 1:
        return trace
    random = np.random.default_rng([seed, count])
    arrivals, span = np.array(trace.arrivals), trace.days * DAY
    jobs: list[tuple[float, float, int]] = []
    for copy in range(count):
        offset = copy * DAY + random.uniform(-1800, 1800)
        moved = (arrivals + offset) % span
        jobs += zip(moved.tolist(), trace.durations, trace.priorities, strict=True)
    return made_of(jobs)


def shuffled(trace: Trace, seed: int) -> Trace:
    """The same days in another order: no week is like the one before."""
    order = np.random.default_rng([seed, 0]).permutation(int(trace.days)).tolist()
    jobs = [
        (order[int(arrival // DAY)] * DAY + arrival % DAY, duration, priority)
        for arrival, duration, priority in zip(
            trace.arrivals, trace.durations, trace.priorities, strict=True
        )
    ]
    return made_of(jobs)


def _visit(random: np.random.Generator, start: float) -> list[tuple[float, float, int]]:
    requests = min(int(np.ceil(random.lognormal(0.58, 1.23))), 200)
    gaps = random.lognormal(4.28, 1.09, 2 * requests + 8)
    gaps = gaps[gaps < 1800][: requests - 1]
    arrivals = start + np.concatenate(([0.0], np.cumsum(gaps)))
    durations = np.clip(np.round(random.lognormal(3.135, 0.652, len(arrivals))), 3, 567)
    priority = PAID if random.uniform() < PAID_SHARE else FREE
    return [(float(a), float(d), priority) for a, d in zip(arrivals, durations, strict=True)]

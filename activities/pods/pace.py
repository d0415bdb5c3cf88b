"""How often a cloud is asked about pods: it takes 60 calls a minute, for everybody together."""

from collections.abc import Iterator


def pauses(first: float, longest: float) -> Iterator[float]:
    """Seconds between looks at what should end soon: each pause is twice the last, up to a limit.

    Args:
        first: of the first pause, seconds.
        longest: no pause is longer.
    """
    pause = first
    while True:
        yield min(pause, longest)
        pause = min(2 * pause, longest)


def next_look(now: float, every: float) -> float:
    """When a pod that boots is looked at next.

    The moments are the same for all pods of a process, however they came: so their looks share one
    listing, and a hundred pods cost as many calls as one.

    Args:
        now: seconds, on a clock that all looks share.
        every: seconds between two looks.
    """
    return (now // every + 1) * every

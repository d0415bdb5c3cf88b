"""One fraction 0..1 over the whole life of an attempt."""

from rekindle.contracts.statuses import Stage

_SHARE = {
    Stage.QUEUED: (0.0, 0.0),
    Stage.PROVISIONING: (0.0, 0.05),
    Stage.STAGING: (0.05, 0.10),
    Stage.RENDERING: (0.10, 0.90),
    Stage.FINALIZING: (0.90, 1.0),
}


def overall(stage: Stage, fraction: float) -> float:
    """Where an attempt is as a whole.

    Args:
        stage: what it is doing.
        fraction: how much of that stage is done; clipped to 0..1.
    """
    begin, end = _SHARE[stage]
    return begin + (end - begin) * min(max(fraction, 0.0), 1.0)

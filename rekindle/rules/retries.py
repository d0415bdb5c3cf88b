"""What follows when a graph run ends badly: the retry table of an attempt."""

from dataclasses import dataclass
from enum import Enum, auto

from rekindle.errors import (
    DatabaseUnavailable,
    GraphFailed,
    HandedOver,
    InputError,
    MachineAvoided,
    NoPod,
    PodGone,
    PromptLost,
    RekindleError,
    StorageUnavailable,
)


class Step(Enum):
    """What `Render` does next."""

    RESUBMIT = auto()
    """The same try again: nothing had begun."""
    WAIT = auto()
    """The same try again in a moment: a part that it needs is away, which is not the graph's fault.

    A prompt that was posted is found again, not repeated.
    """
    NEW_TRY = auto()
    """This try is definitely over; begin another."""
    FAIL = auto()
    """Record the failure."""


@dataclass(frozen=True)
class Tally:
    """What an attempt has used up so far."""

    failures: int = 0
    """Tries whose graph failed on our side."""
    losses: int = 0
    """Tries whose pod or prompt disappeared: nobody's fault, yet bounded."""
    moves: int = 0
    """Times the work was handed back before anything was begun, or waited for a part."""


MOST_LOSSES = 5
MOST_MOVES = 50


def after_error(error: RekindleError, tally: Tally, *, max_retries: int) -> tuple[Step, Tally]:
    """What follows an error of a graph run.

    Args:
        error: as it came from the activity.
        tally: what was used up before it.
        max_retries: further tries allowed after graph failures.

    Returns:
        The next step and the new tally. Input errors and rejected graphs fail at once.
    """
    if isinstance(error, MachineAvoided):
        return _wait(tally)
    if isinstance(error, NoPod | HandedOver):
        moved = Tally(tally.failures, tally.losses, tally.moves + 1)
        return (Step.RESUBMIT, moved) if tally.moves < MOST_MOVES else (Step.FAIL, tally)
    if isinstance(error, StorageUnavailable | DatabaseUnavailable):
        return _wait(tally)
    if isinstance(error, PodGone | PromptLost):
        lost = Tally(tally.failures, tally.losses + 1, tally.moves)
        return (Step.NEW_TRY, lost) if tally.losses < MOST_LOSSES else (Step.FAIL, tally)
    ours = isinstance(error, GraphFailed) or (error.retryable and not isinstance(error, InputError))
    if ours and tally.failures < max_retries:
        return Step.NEW_TRY, Tally(tally.failures + 1, tally.losses, tally.moves)
    return Step.FAIL, tally


def pause_before_retry(before: Tally, after: Tally, *, base: float) -> float:
    """Seconds to wait before a further try: `base`, then each time that factor longer.

    Only after a graph that failed on our side; one whose pod or prompt was lost goes on at once.

    Args:
        before: what was used up before the error.
        after: what `after_error` made of it.
        base: seconds before the first retry; 0 waits never.
    """
    return base**after.failures if base and after.failures > before.failures else 0.0


def _wait(tally: Tally) -> tuple[Step, Tally]:
    waited = Tally(tally.failures, tally.losses, tally.moves + 1)
    return (Step.WAIT, waited) if tally.moves < MOST_MOVES else (Step.FAIL, tally)

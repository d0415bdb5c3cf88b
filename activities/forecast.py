"""How long things took lately on the pods of this process, to tell when a prompt will be done."""

import math
from collections import OrderedDict, deque
from collections.abc import Callable

_WEIGHT = 0.3
_MOST = 256
"""Kinds of work that are remembered; the longest unused is forgotten first."""
_HANDOVERS = 256
_SHARE_IN_TIME = 0.95
"""Of the successors that should have been posted when their predecessor ends."""
_TIMES_SLOWER = 1.5
"""Than the handovers before: a crowd grows."""
_SLACK_SECONDS = 0.1
_SLACK_SHARE = 0.03
"""Of the work: no two prompts take equally long."""


class Forecast:
    """A moving average of seconds by kind of work, and how long a handover may take."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seconds: OrderedDict[str, float] = OrderedDict()
        self._handovers: deque[float] = deque(maxlen=_HANDOVERS)
        self._curious: dict[str, set[Callable[[], None]]] = {}

    def learn(self, kind: str, seconds: float) -> None:
        """Take in how long one piece of work took."""
        known = self._seconds.pop(kind, seconds)
        self._seconds[kind] = known + _WEIGHT * (seconds - known)
        if len(self._seconds) > _MOST:
            self._seconds.popitem(last=False)
        for call in self._curious.pop(kind, ()):
            call()

    def learn_handover(self, seconds: float) -> None:
        """Take in how long it took from room on a pod, and work for it, to a posted prompt."""
        self._handovers.append(seconds)

    def tell(self, kind: str, call: Callable[[], None]) -> None:
        """Call this once, when something is learnt of a kind; give it up with `tell_no_more`."""
        self._curious.setdefault(kind, set()).add(call)

    def tell_no_more(self, kind: str, call: Callable[[], None]) -> None:
        """Do not call this any more. Idempotent."""
        curious = self._curious.get(kind, set())
        curious.discard(call)
        if not curious:
            self._curious.pop(kind, None)

    def expect(self, kind: str) -> float | None:
        """Seconds such work should take; None when there has been none."""
        return self._seconds.get(kind)

    def lead(self, kind: str) -> float | None:
        """How long after its start such work should make room for its successor.

        Where many pods become free at once a handover takes long, since each needs this process;
        so what counts is not the mean but what nineteen of twenty lately stayed below. A successor
        that comes too early only waits, and one too late leaves the GPU idle.

        Args:
            kind: of the work that runs.

        Returns:
            Seconds, at least 0; None when nothing is known of the kind yet.
        """
        work = self.expect(kind)
        if work is None:
            return None
        return max(
            work * (1 - _SLACK_SHARE) - _TIMES_SLOWER * self._handover() - _SLACK_SECONDS, 0.0
        )

    def _handover(self) -> float:
        if not self._handovers:
            return 0.0
        return sorted(self._handovers)[math.ceil(len(self._handovers) * _SHARE_IN_TIME) - 1]

"""How long things took lately on the pods of this process, to tell when a prompt will be done."""

from collections import OrderedDict

_WEIGHT = 0.3
_MOST = 256
"""Kinds of work that are remembered; the longest unused is forgotten first."""


class Forecast:
    """A moving average of seconds by kind of work."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seconds: OrderedDict[str, float] = OrderedDict()

    def learn(self, kind: str, seconds: float) -> None:
        """Take in how long one piece of work took."""
        known = self._seconds.pop(kind, seconds)
        self._seconds[kind] = known + _WEIGHT * (seconds - known)
        if len(self._seconds) > _MOST:
            self._seconds.popitem(last=False)

    def expect(self, kind: str) -> float | None:
        """Seconds such work should take; None when there has been none."""
        return self._seconds.get(kind)

    def lead(self, kind: str, staging: str) -> float | None:
        """How long after its start the successor of such work should begin to be staged.

        Args:
            kind: of the work that runs.
            staging: under which name stagings are learnt.

        Returns:
            Seconds, at least 0; None when either is not known yet. Some slack is left, since a
            successor that comes too early only waits, and one too late leaves the GPU idle.
        """
        work, transfer = self.expect(kind), self.expect(staging)
        if work is None or transfer is None:
            return None
        return max(work - 1.5 * transfer - _SLACK_SECONDS, 0.0)


_SLACK_SECONDS = 0.1
"""From room on a pod to the first byte of staging: a poll, a decision, a claim."""

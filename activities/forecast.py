"""How long things took lately on the pods of this process, to tell when a prompt will be done."""

from collections import OrderedDict
from collections.abc import Callable

_WEIGHT = 0.3
_MOST = 256
"""Kinds of work that are remembered; the longest unused is forgotten first."""


class Forecast:
    """A moving average of seconds by kind of work."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seconds: OrderedDict[str, float] = OrderedDict()
        self._curious: dict[str, set[Callable[[], None]]] = {}

    def learn(self, kind: str, seconds: float) -> None:
        """Take in how long one piece of work took."""
        known = self._seconds.pop(kind, seconds)
        self._seconds[kind] = known + _WEIGHT * (seconds - known)
        if len(self._seconds) > _MOST:
            self._seconds.popitem(last=False)
        for call in self._curious.pop(kind, ()):
            call()

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
        return max(work * (1 - _SLACK_SHARE) - 1.5 * transfer - _SLACK_SECONDS, 0.0)


_SLACK_SECONDS = 0.1
"""From room on a pod to the first byte of staging: a poll, a decision, a claim."""
_SLACK_SHARE = 0.03
"""Of the work: no two prompts take equally long, and where many pods work a claim waits."""

"""A prompt's turn on a GPU: when its successor may come, and what is learnt for the next time."""

import asyncio
import time

from activities.forecast import Forecast
from rekindle.contracts.renders import GraphRun
from rekindle.ports.comfy import PromptEnd
from rekindle.ports.pods import Seat

_NEARLY = 0.05
"""Seconds before its time at which room may as well be made now."""


class SeatTurn:
    """One claimed seat from staging to the end of its prompt.

    Attributes:
        kind: of work: prompts of one kind should take equally long.
    """

    def __init__(
        self, seat: Seat, forecast: Forecast, run: GraphRun, *, waits_since: float
    ) -> None:
        """Begin to stage now.

        Args:
            seat: which was claimed for it.
            forecast: of the GPU class; learns from this turn.
            run: what is to run.
            waits_since: when somebody began to look for a seat for it, on the monotonic clock.
        """
        self._seat = seat
        self._forecast = forecast
        kept = {name: value for name, value in run.parameters.items() if name != "seed"}
        self.kind = f"{run.graph} {run.graph_version} {sorted(kept.items())}"
        self._met_at = max(seat.free_since, waits_since)
        self._started = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def posted(self) -> None:
        """The server has the prompt."""
        self._forecast.learn_handover(time.monotonic() - self._met_at)

    def started(self) -> None:
        """The server has begun: let the successor come in time, once it is known when that is."""
        self._started = time.monotonic()
        self._plan()

    def _plan(self) -> None:
        """Make room at the right time, which moves while others' handovers take longer."""
        lead = self._forecast.lead(self.kind)
        if lead is None:  # one that began before this may tell
            self._forecast.tell(self.kind, self._plan)
            return
        left = lead - (time.monotonic() - self._started)
        if left <= _NEARLY:
            self._seat.ending()
        else:
            self._timer = asyncio.get_running_loop().call_later(left / 2, self._plan)

    def ended(self, end: PromptEnd) -> None:
        """The prompt has left the GPU."""
        self._stop_timer()
        if end.succeeded:
            self._forecast.learn(self.kind, end.engine_seconds)
        self._seat.leave()

    def over(self) -> None:
        """Nothing of it is left on the pod. Idempotent."""
        self._stop_timer()
        self._seat.depart()

    def _stop_timer(self) -> None:
        self._forecast.tell_no_more(self.kind, self._plan)
        if self._timer is not None:
            self._timer.cancel()

"""A prompt's turn on a GPU: when its successor may come, and what is learnt for the next time."""

import asyncio
import time

from activities.forecast import Forecast
from rekindle.contracts.renders import GraphRun
from rekindle.ports.comfy import PromptEnd
from rekindle.ports.pods import Seat

_STAGING = "staging"


class SeatTurn:
    """One claimed seat from staging to the end of its prompt."""

    def __init__(self, seat: Seat, forecast: Forecast, run: GraphRun) -> None:
        """Begin to stage now."""
        self._seat = seat
        self._forecast = forecast
        kept = {name: value for name, value in run.parameters.items() if name != "seed"}
        self._kind = f"{run.graph} {run.graph_version} {sorted(kept.items())}"
        self._began = self._started = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def staged(self) -> None:
        """The photo is on the server."""
        self._forecast.learn(_STAGING, time.monotonic() - self._began)

    def started(self) -> None:
        """The server has begun: let the successor come in time, once it is known when that is."""
        self._started = time.monotonic()
        self._plan()

    def _plan(self) -> None:
        lead = self._forecast.lead(self._kind, _STAGING)
        if lead is None:  # one that began before this may tell
            self._forecast.tell(self._kind, self._plan)
            return
        left = max(lead - (time.monotonic() - self._started), 0.0)
        self._timer = asyncio.get_running_loop().call_later(left, self._seat.ending)

    def ended(self, end: PromptEnd) -> None:
        """The prompt has left the GPU."""
        self._stop_timer()
        if end.succeeded:
            self._forecast.learn(self._kind, end.engine_seconds)
        self._seat.leave()

    def over(self) -> None:
        """Nothing of it is left on the pod. Idempotent."""
        self._stop_timer()
        self._seat.depart()

    def _stop_timer(self) -> None:
        self._forecast.tell_no_more(self._kind, self._plan)
        if self._timer is not None:
            self._timer.cancel()

"""The dead-man's switch: a pod that nobody speaks to any more returns itself."""

import asyncio
import time
from collections.abc import Callable

import structlog

from rekindle.errors import CloudRefused, CloudUnavailable
from rekindle.ports.pod_self import PodSelf

_LOG = structlog.get_logger(__name__)
_AGAIN_SECONDS = 60.0


class DeadMansSwitch:
    """Ends the pod when no holder of its token has been heard of for too long.

    The time counts from the start too, so a pod whose controller died while it booted ends as
    well. A prompt that still runs does not put it off: whoever wanted its result would have asked
    for it meanwhile, and nobody will fetch it. It never acts while requests come; when ending the
    pod fails it is tried for ever, as long as nobody is heard of.
    """

    def __init__(
        self,
        pod: PodSelf,
        *,
        limit_seconds: float,
        again_seconds: float = _AGAIN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count now.

        Args:
            pod: what to end.
            limit_seconds: longest silence.
            again_seconds: between two tries to end the pod.
            clock: seconds.
        """
        self._pod = pod
        self._limit_seconds = limit_seconds
        self._again_seconds = again_seconds
        self._clock = clock
        self._heard_at = clock()

    def heard(self) -> None:
        """Somebody with the token has spoken."""
        self._heard_at = self._clock()

    @property
    def seconds_left(self) -> float:
        """Until it acts; at most 0 when it is time."""
        return self._heard_at + self._limit_seconds - self._clock()

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            left = self.seconds_left
            if left <= 0:
                await self._end_pod()
            await asyncio.sleep(left if left > 0 else self._again_seconds)

    async def _end_pod(self) -> None:
        _LOG.warning("dead_mans_switch", silent_seconds=self._limit_seconds)
        try:
            departure = await self._pod.leave()
        except (CloudUnavailable, CloudRefused) as error:
            _LOG.error("pod_not_ended", code=error.code, why=str(error))
        else:
            _LOG.warning("pod_ended", how=departure.value)

"""Waiting until a pod can work, with a bar that says how far it is."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.cli.failures import CloudSaysNo
from deploy.cli.pods.describing import OVER, rate

if TYPE_CHECKING:
    import httpx

    from rekindle.errors import CloudUnavailable
    from rekindle.ports.gpu_cloud import CloudPod, GpuCloud

_HEALTH_SECONDS = 10.0

STEPS = (
    "finding a machine",
    "fetching the image",
    "starting the container",
    "waiting for /health",
    "ready",
)
"""What a person reads while a pod boots."""


@dataclass(frozen=True)
class Goal:
    """What to wait for.

    Attributes:
        cloud_id: of the pod.
        health: address that has to answer 200; None when a running container will do.
        timeout: longest wait, seconds.
    """

    cloud_id: str
    health: str | None
    timeout: float


@dataclass(frozen=True)
class Pace:
    """How often to look.

    Attributes:
        looks: seconds between looks at the account, the last again and again: it has 60 calls a
            minute, and the fleet needs most of them.
        health_seconds: between two questions to the pod itself.
        lag_seconds: a new pod may be unknown for so long.
    """

    looks: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 5.0)
    health_seconds: float = 1.0
    lag_seconds: float = 30.0


async def wait_until_ready(
    cloud: "GpuCloud",
    goal: Goal,
    *,
    known: "CloudPod | None" = None,
    pace: Pace | None = None,
) -> "CloudPod":
    """Show how a pod boots until it can work.

    Args:
        cloud: where it is.
        goal: what to wait for.
        known: what its create said; then it may be missing for some seconds.
        pace: how often to look.

    Returns:
        The pod as the cloud told it last.

    Raises:
        CloudSaysNo: it did not become ready in time, it ended, or there is no such pod. What
            exists goes on costing money: the sentence says so.
        CloudUnavailable: the cloud did not say anything all the time.
    """
    import httpx

    from deploy.cli.following import progress_bars

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=_HEALTH_SECONDS, follow_redirects=False)
        )
        bars = stack.enter_context(progress_bars())
        bar = bars.add_task(STEPS[0], total=len(STEPS) - 1)
        watch = _Watch(cloud, goal, known, pace or Pace())
        while True:
            step = await watch.step(http)
            bars.update(bar, description=STEPS[step], completed=step)
            if step == len(STEPS) - 1 and watch.pod is not None:
                return watch.pod
            await watch.pause()


class _Watch:
    """One pod, looked at rarely, and its health often once its container runs."""

    def __init__(self, cloud: "GpuCloud", goal: Goal, known: "CloudPod | None", pace: Pace) -> None:
        self._cloud, self._goal, self._pace = cloud, goal, pace
        self.pod = known
        self._clock = asyncio.get_running_loop().time
        self._began = self._next = self._clock()
        self._may_lack = known is not None
        self._looks = 0
        self._said = ""
        self._unanswered: CloudUnavailable | None = None

    async def step(self, http: "httpx.AsyncClient") -> int:
        """How far it is, as an index of `STEPS`."""
        if self._clock() >= self._next:
            await self._look()
        pod = self.pod
        if pod is None or pod.phase == "PROVISIONING":
            return 0
        if pod.phase != "RUNNING":
            return 1
        if not pod.has_runtime:
            return 2
        return 4 if await self._healthy(http) else 3

    async def pause(self) -> None:
        """Wait for the next look.

        Raises:
            CloudSaysNo: there is no time for another.
            CloudUnavailable: the same, and the cloud has never answered.
        """
        now = self._clock()
        left = self._began + self._goal.timeout - now
        if left <= 0:
            if self.pod is None and self._unanswered is not None:
                raise self._unanswered
            raise CloudSaysNo("pod_not_ready", self._not_ready())
        reports = self.pod is not None and self.pod.has_runtime
        until = min(self._next, now + self._pace.health_seconds) if reports else self._next
        await asyncio.sleep(min(max(until - now, 0.01), left))

    async def _look(self) -> None:
        from rekindle.errors import CloudUnavailable

        looks = self._pace.looks
        wait = looks[min(self._looks, len(looks) - 1)]
        self._looks += 1
        try:
            told = await self._cloud.get(self._goal.cloud_id)
        except CloudUnavailable as error:
            self._unanswered, self._said = error, str(error)
            wait = max(wait, error.retry_after or 0.0)
        else:
            self._unanswered, self._said = None, ""
            self._judge(told)
        self._next = self._clock() + wait

    def _judge(self, told: "CloudPod | None") -> None:
        if told is None:
            lagging = self._clock() - self._began < self._pace.lag_seconds
            if not (self._may_lack and lagging):
                raise CloudSaysNo("pod_not_found", f"There is no pod {self._goal.cloud_id}.")
            return
        self.pod, self._may_lack = told, False
        if told.phase in OVER:
            text = f"The pod {told.cloud_id} is {told.phase.value}: it will not become ready."
            raise CloudSaysNo("pod_ended", f"{text} {self._mend()}")

    async def _healthy(self, http: "httpx.AsyncClient") -> bool:
        import httpx

        if self._goal.health is None:
            return True
        try:
            reply = await http.get(self._goal.health)
        except httpx.HTTPError as error:
            self._said = f"{self._goal.health}: {type(error).__name__}"
            return False
        self._said = f"{self._goal.health}: HTTP {reply.status_code}"
        return reply.status_code == httpx.codes.OK

    def _not_ready(self) -> str:
        what = "not known to the cloud yet" if self.pod is None else self.pod.phase.value
        said = f" ({self._said})" if self._said else ""
        pod = f"The pod {self._goal.cloud_id}"
        return f"{pod} is not ready after {self._goal.timeout:g} s: {what}{said}. {self._mend()}"

    def _mend(self) -> str:
        costs = f"It costs {rate(self.pod.usd_per_hour)} an hour. " if self.pod else ""
        return f"{costs}Give it back: rekindle pods terminate {self._goal.cloud_id}"

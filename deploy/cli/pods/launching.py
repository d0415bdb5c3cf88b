"""Renting one pod under one name, also when answers are lost on the way."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deploy.cli.pods.describing import OVER
from deploy.cli.reporting import notes

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import CloudPod, GpuCloud, PodOrder

_MOST_TRIES = 3
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Patience:
    """How long to look for a pod that may have been created.

    Attributes:
        lag_seconds: the listing may show a new pod so late.
        look_seconds: between two looks.
        busy_seconds: before the next try when the cloud does not say how long to wait.
    """

    lag_seconds: float = 20.0
    look_seconds: float = 1.0
    busy_seconds: float = 2.0


@dataclass(frozen=True)
class Launched:
    """A pod, and whether it had been there before."""

    pod: "CloudPod"
    adopted: bool


async def rent(
    cloud: "GpuCloud",
    order: "PodOrder",
    candidates: Callable[[], Awaitable[Sequence[str]]],
    patience: Patience | None = None,
) -> Launched:
    """The one pod of the order's name: that which is there, or a new one.

    The cloud has no idempotency key, so the name is looked up before a create, after one whose
    outcome is unknown, and at the end, when all but the oldest of that name are given back.

    Args:
        cloud: where.
        order: what; its GPU type is replaced by each candidate's in turn.
        candidates: tells GPU types, best first, when one is needed.
        patience: how long to look for a lost pod.

    Raises:
        NoGpuStock: none of the candidates can be had; says why for each.
        CloudUnavailable: the outcome is unknown: the pod may be there.
    """
    there = await _alive(cloud, order.name)
    if there:
        return Launched(await _only_one(cloud, there), adopted=True)
    types = await candidates()
    made = await _first_to_be_had(cloud, order, types, patience or Patience())
    return Launched(await _settle(cloud, made), adopted=False)


async def _first_to_be_had(
    cloud: "GpuCloud", order: "PodOrder", candidates: Sequence[str], patience: Patience
) -> "CloudPod":
    from rekindle.errors import NoGpuStock

    refusals = []
    for gpu_type in candidates:
        notes.print(f"Asking for {gpu_type}")
        try:
            return await _create(cloud, replace(order, gpu_type=gpu_type), patience)
        except NoGpuStock as refusal:
            refusals.append(f"{gpu_type} ({refusal})")
    # A rule that the order breaks reads the same on every candidate, so all of them are told.
    raise NoGpuStock("; ".join(refusals))


async def _create(cloud: "GpuCloud", order: "PodOrder", patience: Patience) -> "CloudPod":
    """Create, or find what an answer that was lost has created."""
    from rekindle.errors import CloudUnavailable

    for tries_left in reversed(range(_MOST_TRIES)):
        try:
            return await cloud.create(order)
        except CloudUnavailable as error:
            notes.print(f"No answer, looking for {order.name}: {error}")
            if error.retry_after is not None:
                await asyncio.sleep(min(error.retry_after, _LONGEST_PAUSE))
            found = await _look(cloud, order.name, patience)
            if found:
                return _oldest(found)
            if not tries_left:
                raise
            await asyncio.sleep(patience.busy_seconds)
    raise AssertionError  # the last try has returned or raised


async def _look(cloud: "GpuCloud", name: str, patience: Patience) -> "list[CloudPod]":
    """The pods of that name; nothing only after the listing has had time to show one."""
    from rekindle.errors import CloudUnavailable

    clock = asyncio.get_running_loop().time
    deadline = clock() + patience.lag_seconds
    unanswered: CloudUnavailable | None = None
    while True:
        try:
            found, unanswered = await _alive(cloud, name), None
        except CloudUnavailable as error:
            found, unanswered = [], error
        if found:
            return found
        if clock() >= deadline:
            if unanswered is not None:
                raise unanswered  # nobody has looked: to create again could be to rent twice
            return []
        await asyncio.sleep(patience.look_seconds)


async def _settle(cloud: "GpuCloud", made: "CloudPod") -> "CloudPod":
    """Look again, since an answer that was lost may have made a second one."""
    from rekindle.errors import CloudUnavailable

    try:
        return await _only_one(cloud, [made, *await _alive(cloud, made.name)])
    except CloudUnavailable as error:
        notes.print(f"Could not look for others called {made.name}: {error}")
        return made


async def _only_one(cloud: "GpuCloud", found: "Sequence[CloudPod]") -> "CloudPod":
    kept = _oldest(found)
    for stray in {pod.cloud_id for pod in found} - {kept.cloud_id}:
        notes.print(f"Giving {stray} back: {kept.cloud_id} has the same name")
        await cloud.terminate(stray)
    return kept


async def _alive(cloud: "GpuCloud", name: str) -> "list[CloudPod]":
    found = await cloud.find(name)
    return [pod for pod in found if pod.name == name and pod.phase not in OVER]


def _oldest(found: "Sequence[CloudPod]") -> "CloudPod":
    """The same one for everybody who looks."""
    return min(found, key=lambda pod: (pod.created_at is None, pod.created_at or 0, pod.cloud_id))

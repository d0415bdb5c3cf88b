"""Returning the pods of a stack that is about to stop."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from rekindle.settings import Settings

_LOG = structlog.get_logger(__name__)
_LONGEST_SECONDS = 20.0
_LOOK_SECONDS = 0.1


def return_pods(settings: Settings) -> None:
    """Drain every owner and wait until none is left, within reason.

    What could not be returned goes on in Temporal, and is returned when the stack runs again.

    Args:
        settings: of the stack, whose worker must be running.
    """
    with ThreadPoolExecutor(1) as pool:  # the caller may run a loop of its own
        pool.submit(lambda: asyncio.run(_drain(settings))).result()


async def _drain(settings: Settings) -> None:
    from rekindle.adapters.temporal import TemporalPodOwners, connect
    from rekindle.contracts.statuses import GpuClass
    from rekindle.errors import WorkflowsUnavailable

    most = {
        GpuClass.IMAGE: settings.image_pods_max,
        GpuClass.VIDEO: settings.video_pods_max,
    }
    places = [(gpu_class, number) for gpu_class, count in most.items() for number in range(count)]
    deadline = time.monotonic() + _LONGEST_SECONDS
    try:
        client = await connect(settings.temporal_address, settings.temporal_namespace)
        owners = TemporalPodOwners(client)
        while places and time.monotonic() < deadline:
            for place in places:
                await owners.drain(*place)
            await asyncio.sleep(_LOOK_SECONDS)
            places = [place for place in places if await owners.is_open(*place)]
    except WorkflowsUnavailable as error:
        _LOG.warning("pods_not_returned", why=str(error))

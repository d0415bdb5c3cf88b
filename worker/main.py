"""`python -m worker.main`: one worker process, until SIGTERM or SIGINT."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence

import structlog
import uvloop
from temporalio.service import RPCError

from comfy_graphs import add_packs
from rekindle.contracts.fleet import AUTOSCALE_SCHEDULE
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import (
    CloudRefused,
    DependencyUnavailable,
    SettingsInvalid,
    WorkflowsUnavailable,
)
from rekindle.ports.pods import Capacity
from rekindle.ports.schedules import PlannedSchedule, Schedules
from rekindle.settings import Settings, read_settings
from rekindle.telemetry import configure_logging
from rekindle.wiring.worker import open_worker
from worker.fleet import class_policies
from worker.host import WorkerHost

_LOG = structlog.get_logger(__name__)
_PAUSE_SECONDS = 1.0
_YOUNG_OBJECTS, _TIMES_TO_MIDDLE, _TIMES_TO_OLD = 10_000, 5, 2
"""New objects until the garbage collector looks at them: most have gone by themselves by then; how
often until it looks at older ones: workflows that leave the cache leave circles behind."""


async def serve(settings: Settings) -> None:
    """Work until a signal says to leave; without Temporal, wait for it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    while not stop.is_set():
        try:
            # A task of its own, since a worker that fails cancels the task it was started in.
            await asyncio.create_task(_work(settings, stop))
        except (WorkflowsUnavailable, RPCError) as error:
            _LOG.warning("waiting_for_temporal", why=str(error))
            await _pause(stop)


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    async with open_worker(settings) as ports:
        host = WorkerHost(ports)
        async with host.running():
            await _ask_for_pods(host.fleet.capacity, stop)
            scales = ports.cloud is not None
            wanted = [s for s in ports.schedules.planned if scales or s.name != AUTOSCALE_SCHEDULE]
            await _keep_schedules(ports.schedules, wanted, stop)
            _spare_what_stays()
            await stop.wait()


def _spare_what_stays() -> None:
    """Have the garbage collector leave alone what is in memory by now.

    Every full collection stopped all pods and prompts for 0.15 s, a fifth of this process's time.
    """
    gc.unfreeze()  # what an earlier connection to Temporal has left behind
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _TIMES_TO_MIDDLE, _TIMES_TO_OLD)


async def _ask_for_pods(capacity: Capacity, stop: asyncio.Event) -> None:
    """Have the pods of every class owned; who asks for one later finds them there."""
    for gpu_class in GpuClass:
        while not stop.is_set():
            try:
                await capacity.request(gpu_class)
                break
            except WorkflowsUnavailable as error:
                _LOG.warning("waiting_for_temporal", why=str(error))
                await _pause(stop)
            except (CloudRefused, DependencyUnavailable) as error:
                # Other work goes on without the cloud; the schedule and each attempt ask again.
                _LOG.warning("fleet_not_looked_at", code=error.code, why=str(error))
                break


async def _keep_schedules(
    schedules: Schedules, planned: Sequence[PlannedSchedule], stop: asyncio.Event
) -> None:
    """Have the schedules as the settings want them; one that was paused stays so."""
    for wanted in planned:
        while not stop.is_set():
            try:
                await schedules.apply(wanted)
                break
            except WorkflowsUnavailable as error:
                _LOG.warning("waiting_for_temporal", why=str(error))
                await _pause(stop)


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), timeout=_PAUSE_SECONDS)


def main() -> None:
    """Run; exit code 2 when the settings do not allow it.

    It leaves without the interpreter's shutdown, which the Temporal SDK can crash.
    """
    try:
        settings = read_settings()
        configure_logging(settings.log_level, settings.log_format)
        add_packs(settings.workflows_path)
        if settings.rents_pods:
            class_policies(settings)
    except SettingsInvalid as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    uvloop.run(serve(settings))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

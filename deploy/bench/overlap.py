"""Whether staging overlaps the running prompt, and never at the price of a pod that stands idle."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from deploy.bench.figures import Distribution, busy_within, idle_within
from deploy.bench.holds import Hold, holds_of, lanes_of, taken_too_early
from deploy.bench.light_pods import LightPods, keeping, running_light_stack
from deploy.bench.measures import Limit, Measure
from deploy.bench.person import Person
from deploy.bench.renders import Renders

_PODS = 3
_SECONDS = 3.0
_TRANSFER_SECONDS = 1.0
_BACKLOG = 6
"""Jobs for each pod that wait from the beginning."""
_TRICKLE = 10
_TRICKLE_SECONDS = 1.3
"""Between two jobs that come one by one: often enough that pods are mostly, not always, busy."""
_SLACK_SECONDS = 0.5
"""Nobody can know at once that a pod is idle: its worker has yet to hear that a prompt ended."""


@dataclass(frozen=True)
class OverlapReadings:
    """Everything this part reads.

    Attributes:
        pods: how many there were.
        backlogged: the jobs that all waited from the beginning.
        trickled: those that came one by one.
    """

    pods: int
    backlogged: list[Hold]
    trickled: list[Hold]

    def rows(self) -> list[Measure]:
        """As measures; how busy the pods were counts while every pod had begun and work waited."""
        worked = lanes_of(self.backlogged)
        lanes = [*worked, *([] for _ in range(self.pods - len(worked)))]
        window = max(lane[0][0] for lane in worked), max(hold.taken for hold in self.backlogged)
        idle = Distribution.of([1000 * s for s in idle_within(lanes, window)] or [0.0])
        alone = _SECONDS / (_SECONDS + 2 * _TRANSFER_SECONDS)
        jobs = [*self.backlogged, *self.trickled]
        return [
            Measure(
                "overlap_busy",
                f"{_SECONDS:g} s graphs, {_TRANSFER_SECONDS:g} s each way: busy",
                busy_within(lanes, window),
                "of the time",
                len(self.backlogged),
                Limit.fixed("overlap_busy"),
                note=f"{alone:g} one after the other; idle between two p50 {idle.p50:.0f} ms",
            ),
            Measure(
                "overlap_early",
                "jobs a pod took as its second while another idled",
                len(taken_too_early(jobs, slack=_SLACK_SECONDS)),
                "jobs",
                len(jobs),
                Limit.fixed("overlap_early"),
                note=f"{self.pods} pods; idle for {_SLACK_SECONDS:g} s and more",
            ),
        ]


async def measure_overlap(folder: Path) -> list[Measure]:
    """Give three pods a backlog, then jobs that come one by one."""
    with running_light_stack(folder, keeping(_PODS, _PODS)) as stack:
        person = await Person.on(stack)
        pods = LightPods(stack.addresses.runpod, person.database)
        renders = await Renders.of(person, folder, jobs=_PODS)
        await pods.are_ready(_PODS)
        await pods.take(_SECONDS)
        await pods.transfer(_TRANSFER_SECONDS)
        await renders.succeed(await renders.start(2 * _PODS))  # the worker learns how long it takes
        began = await pods.now()
        backlog = await renders.start(_BACKLOG * _PODS)
        await renders.succeed(backlog)
        trickle = await _trickle(renders)
        runs = await pods.runs(began)
        readings = OverlapReadings(
            _PODS,
            await holds_of(person.client, backlog, runs),
            await holds_of(person.client, trickle, runs),
        )
        await person.leave()
    return readings.rows()


async def _trickle(renders: Renders) -> list[UUID]:
    """Start jobs one by one and see all of them done."""
    attempt_ids: list[UUID] = []
    for _ in range(_TRICKLE):
        attempt_ids += await renders.start(1)
        await asyncio.sleep(_TRICKLE_SECONDS)
    await renders.succeed(attempt_ids)
    return attempt_ids

"""The dead-man's switch, over a clock and a pod that these tests hold in their hands."""

import asyncio

import pytest

from rekindle.errors import CloudRefused, CloudUnavailable
from rekindle.ports.pod_self import Departure
from worker.agent.dead_man import DeadMansSwitch


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class OwnPod:
    """Notes when it was asked to leave, and answers from a list."""

    def __init__(self, clock: Clock, *answers: Departure | Exception) -> None:
        self._clock = clock
        self._answers = list(answers)
        self.asked_at: list[float] = []
        self.enough = asyncio.Event()

    async def leave(self) -> Departure:
        self.asked_at.append(self._clock.now)
        answer = self._answers.pop(0)
        if not self._answers:
            self.enough.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


def switch(pod: OwnPod, clock: Clock) -> DeadMansSwitch:
    return DeadMansSwitch(pod, limit_seconds=900, again_seconds=0, clock=clock)


async def test_the_time_counts_from_the_start_and_from_each_holder() -> None:
    clock = Clock()
    dead_man = switch(OwnPod(clock), clock)
    assert dead_man.seconds_left == 900
    clock.now += 899
    assert dead_man.seconds_left == 1
    dead_man.heard()
    assert dead_man.seconds_left == 900


async def test_it_tries_for_ever_until_the_pod_is_gone() -> None:
    clock = Clock()
    pod = OwnPod(clock, CloudUnavailable("x"), CloudRefused("x"), Departure.STOPPED)
    dead_man = switch(pod, clock)
    clock.now += 900
    task = asyncio.create_task(dead_man.run())
    async with asyncio.timeout(30):
        await pod.enough.wait()
    task.cancel()
    assert pod.asked_at == [1000.0] * 3


async def test_a_controller_that_comes_back_stops_it() -> None:
    clock = Clock()
    pod = OwnPod(clock, *[CloudUnavailable("x")] * 1000)
    dead_man = switch(pod, clock)
    clock.now += 900
    task = asyncio.create_task(dead_man.run())
    while len(pod.asked_at) < 3:
        await asyncio.sleep(0)
    dead_man.heard()
    asked = len(pod.asked_at)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(pod.asked_at) == asked
    task.cancel()


async def test_it_never_acts_early() -> None:
    clock = Clock()
    pod = OwnPod(clock, Departure.TERMINATED)
    task = asyncio.create_task(switch(pod, clock).run())
    for _ in range(50):
        await asyncio.sleep(0)
    assert pod.asked_at == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

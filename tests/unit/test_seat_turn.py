"""When a pod has room for the successor of the prompt that runs there."""

import asyncio
from typing import Any
from uuid import uuid4

from activities.forecast import Forecast
from activities.turn import SeatTurn
from rekindle.contracts.pods import Pod
from rekindle.contracts.renders import GraphRun
from rekindle.contracts.statuses import GpuClass
from rekindle.ports.comfy import PromptEnd
from worker.seats import PodSeats


def run(**parameters: Any) -> GraphRun:
    return GraphRun(
        job_id=uuid4(),
        attempt_id=uuid4(),
        try_number=1,
        graph="restore",
        graph_version="1",
        parameters=parameters,
        source_key="s",
        output_key="o",
    )


async def begun(seats: PodSeats, forecast: Forecast, name: str, **parameters: Any) -> SeatTurn:
    """A prompt that runs on a pod of its own, of which the seats have no room left."""
    seats.attach(
        Pod(pod_id=name, gpu_class=GpuClass.IMAGE, number=0, generation=1, grace_seconds=None)
    )
    await seats.promise()
    turn = SeatTurn(seats.claim(), forecast, run(**parameters))
    turn.staged()
    turn.started()
    return turn


def ended(seconds: float) -> PromptEnd:
    return PromptEnd(succeeded=True, interrupted=False, files=(), engine_seconds=seconds)


async def test_who_began_before_anything_was_known_has_a_successor_in_time_all_the_same() -> None:
    seats, forecast = PodSeats(), Forecast()
    first = await begun(seats, forecast, "a")
    second = await begun(seats, forecast, "b")
    assert seats.room == 0

    first.ended(ended(0.5))
    first.over()
    seats.detach("a")
    assert seats.room == 0
    async with asyncio.timeout(20):
        await seats.promise()  # room on b, although its prompt runs

    assert seats.busy("b") == 1
    second.over()


async def test_the_end_of_another_kind_of_work_tells_nothing() -> None:
    seats, forecast = PodSeats(), Forecast()
    other = await begun(seats, forecast, "a", megapixels=4.0)
    mine = await begun(seats, forecast, "b", megapixels=1.0)
    other.ended(ended(0.0))
    other.over()
    seats.detach("a")
    await asyncio.sleep(0.05)
    assert seats.room == 0
    mine.over()


async def test_what_is_over_gives_no_room_when_something_becomes_known_later() -> None:
    seats, forecast = PodSeats(), Forecast()
    gone = await begun(seats, forecast, "a")
    last = await begun(seats, forecast, "b")
    gone.over()
    seats.detach("a")
    last.ended(ended(0.0))
    last.over()
    await asyncio.sleep(0.05)
    assert seats.room == 1  # on b, where nothing runs

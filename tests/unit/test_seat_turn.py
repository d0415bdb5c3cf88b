"""When a pod has room for the successor of the prompt that runs there."""

import asyncio
import time
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
    turn = SeatTurn(seats.claim(), forecast, run(**parameters), waits_since=time.monotonic())
    turn.posted()
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


async def test_room_is_made_earlier_when_handovers_turn_slow_meanwhile() -> None:
    order: list[str] = []

    async def room_is_made(name: str, handover: float) -> None:
        seats, forecast = PodSeats(), Forecast()
        turn = await begun(seats, forecast, name)
        forecast.learn(turn.kind, 1.0)
        assert seats.room == 0
        for _ in range(20):
            forecast.learn_handover(handover)
        await seats.promise()
        order.append(name)
        turn.over()

    async with asyncio.timeout(20):
        await asyncio.gather(room_is_made("calm", 0.0), room_is_made("hurried", 60.0))
    assert order == ["hurried", "calm"]


async def test_a_handover_is_counted_from_when_there_was_both_room_and_work() -> None:
    seats, forecast = PodSeats(), Forecast()
    forecast.learn("other", 1.0)
    seats.attach(
        Pod(pod_id="a", gpu_class=GpuClass.IMAGE, number=0, generation=1, grace_seconds=None)
    )
    await seats.promise()
    seat = seats.claim()
    for waits_since in (seat.free_since - 50, time.monotonic()):
        forecast = Forecast()
        forecast.learn("other", 100.0)
        SeatTurn(seat, forecast, run(), waits_since=waits_since).posted()
        lead = forecast.lead("other")
        assert lead is not None
        assert lead > 90

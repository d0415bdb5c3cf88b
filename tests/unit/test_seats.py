import asyncio
import time

import pytest

from rekindle.contracts.pods import Pod
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import NoPod
from worker.seats import PodSeats


def pod(name: str, places: int = 1) -> Pod:
    return Pod(
        pod_id=name,
        gpu_class=GpuClass.IMAGE,
        number=0,
        generation=0,
        grace_seconds=None,
        places=places,
    )


async def settled(task: "asyncio.Task[None]") -> bool:
    for _ in range(3):
        await asyncio.sleep(0)
    return task.done()


async def test_no_pod_means_no_permit_until_one_attaches() -> None:
    seats = PodSeats()
    asking = asyncio.create_task(seats.promise())
    assert not await settled(asking)
    seats.attach(pod("a"))
    assert await settled(asking)


async def test_one_pod_gives_one_permit_at_a_time() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    second = asyncio.create_task(seats.promise())
    assert not await settled(second)
    seat = seats.claim()
    assert not await settled(second)
    seat.leave()
    assert await settled(second)


async def test_a_seat_left_twice_frees_one_place_only() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seat = seats.claim()
    seat.leave()
    seat.leave()
    assert seats.room == 1


async def test_the_least_busy_pod_is_claimed_first() -> None:
    seats = PodSeats()
    seats.attach(pod("a", places=2))
    await seats.promise()
    assert seats.claim().pod.pod_id == "a"
    seats.attach(pod("b", places=2))
    await seats.promise()
    assert seats.claim().pod.pod_id == "b"


async def test_a_permit_that_outlives_its_pod_is_refused_and_leaves_no_debt() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seats.detach("a")
    with pytest.raises(NoPod):
        seats.claim()
    seats.ended()
    seats.attach(pod("b"))
    assert seats.room == 1


async def test_a_poll_without_a_task_gives_its_promise_back() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seats.withdraw()
    assert seats.room == 1


async def test_a_task_that_fails_before_it_claims_does_not_keep_the_gpu() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seats.ended()
    assert seats.room == 1


async def test_a_waiter_that_gives_up_passes_its_turn_on() -> None:
    seats = PodSeats()
    first = asyncio.create_task(seats.promise())
    second = asyncio.create_task(seats.promise())
    assert not await settled(first)
    seats.attach(pod("a"))
    first.cancel()
    assert await settled(second)
    assert not second.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_detached_pod_is_vacated_when_its_last_prompt_has_nothing_left_there() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seat = seats.claim()
    seats.detach("a")
    vacated = asyncio.create_task(seats.vacated("a"))
    assert not await settled(vacated)
    seat.leave()
    assert seats.busy("a") == 0
    assert not await settled(vacated)
    seat.depart()
    seat.depart()
    assert await settled(vacated)


async def test_a_departure_gives_the_gpu_up_as_well() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seats.claim().depart()
    assert seats.room == 1
    await asyncio.wait_for(seats.vacated("a"), 5)


async def test_a_pod_that_comes_back_keeps_count_of_its_running_prompt() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seat = seats.claim()
    seats.detach("a")
    seats.attach(pod("a"))
    assert seats.room == 0
    seat.leave()
    assert seats.room == 1


async def test_a_prompt_that_is_nearly_done_lets_one_successor_come() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    first = seats.claim()
    first.ending()
    first.ending()
    assert seats.room == 1
    await seats.promise()
    second = seats.claim()
    assert seats.room == 0
    first.leave()
    assert seats.room == 0
    second.leave()
    assert seats.room == 1


async def test_an_idle_pod_is_preferred_to_one_that_is_nearly_free() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    seats.claim().ending()
    seats.attach(pod("b"))
    await seats.promise()
    assert seats.claim().pod.pod_id == "b"


async def test_of_busy_pods_the_one_whose_prompt_ends_first_has_the_next() -> None:
    seats, held = PodSeats(), {}
    for name in ("a", "b", "c"):
        seats.attach(pod(name))
        await seats.promise()
        held[name] = seats.claim()
    for name in ("c", "a", "b"):
        held[name].ending()
        await asyncio.sleep(0.002)
    for name in ("c", "a", "b"):
        await seats.promise()
        assert seats.claim().pod.pod_id == name


async def test_a_seat_knows_since_when_its_place_was_free() -> None:
    seats = PodSeats()
    seats.attach(pod("a"))
    await seats.promise()
    first = seats.claim()
    before = time.monotonic()
    first.ending()
    after = time.monotonic()
    await asyncio.sleep(0.002)
    first.leave()
    await seats.promise()
    assert first.free_since < before <= seats.claim().free_since <= after

"""Time that can be moved, and what hangs on it."""

import asyncio

import pytest

from simulators.common.clock import Clock
from tests.unit.runpod_simulator.conftest import Cloud


async def test_chains_of_timers_see_the_moments_they_were_due() -> None:
    clock = Clock(is_frozen=True, base=lambda: 1000.0)
    seen: list[tuple[str, float]] = []

    def first() -> None:
        seen.append(("first", clock.now()))
        clock.call_later(5, lambda: seen.append(("second", clock.now())))

    clock.call_later(10, first)
    clock.call_later(12, lambda: seen.append(("between", clock.now())))
    clock.advance(9.5)
    assert seen == []
    clock.advance(100)
    assert seen == [("first", 1010.0), ("between", 1012.0), ("second", 1015.0)]
    assert clock.now() == 1109.5


async def test_a_cancelled_timer_does_not_happen() -> None:
    clock = Clock(is_frozen=True)
    seen: list[int] = []
    clock.call_later(1, lambda: seen.append(1)).cancel()
    clock.call_later(1, lambda: seen.append(2))
    clock.advance(1)
    assert seen == [2]


async def test_sleepers_wake_when_time_is_moved() -> None:
    clock = Clock(is_frozen=True)
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.advance(3599)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1)
    await asyncio.wait_for(sleeper, 30)


async def test_a_running_clock_wakes_by_itself_and_can_be_pushed() -> None:
    clock = Clock()
    await asyncio.wait_for(clock.sleep(0.01), 30)
    before = clock.now()
    late = asyncio.create_task(clock.sleep(7200))
    soon = asyncio.create_task(clock.sleep(0.02))
    await asyncio.wait_for(soon, 30)
    clock.advance(7200)
    await asyncio.wait_for(late, 30)
    assert clock.now() >= before + 7200


async def test_time_is_moved_over_http(cloud: Cloud) -> None:
    before = (await cloud.http.get("/simulator/clock")).json()["now"]
    reply = await cloud.http.post("/simulator/clock", json={"advance": 3600.5})
    assert reply.json()["now"] == pytest.approx(before + 3600.5)


@pytest.mark.parametrize("body", [{}, {"advance": -1}, {"advance": "1"}, [], {"advance": True}])
async def test_time_does_not_move_on_nonsense(cloud: Cloud, body: object) -> None:
    before = cloud.clock.now()
    assert (await cloud.http.post("/simulator/clock", json=body)).status_code == 400
    assert cloud.clock.now() == before


async def test_boot_times_can_be_changed_for_what_comes(cloud: Cloud) -> None:
    reply = await cloud.http.post("/simulator/settings", json={"boot": {"starting": 100}})
    boot = {"provisioning": 10, "starting": 100, "runtime": 3}
    assert reply.json()["boot"] == boot
    pod = await cloud.create()
    cloud.clock.advance(60)
    assert await cloud.status(pod["id"]) == "STARTING"
    assert (await cloud.http.get("/simulator/settings")).json()["boot"] == boot


@pytest.mark.parametrize(
    "body",
    [
        {"boot": {"warmup": 1}},
        {"boot": 1},
        {"pod_key_may": "everything"},
        {"light_seconds": "long"},
        {"speed": 1},
    ],
    ids=str,
)
async def test_settings_that_make_no_sense_change_nothing(cloud: Cloud, body: object) -> None:
    before = (await cloud.http.get("/simulator/settings")).json()
    assert (await cloud.http.post("/simulator/settings", json=body)).status_code == 400
    assert (await cloud.http.get("/simulator/settings")).json() == before


@pytest.mark.parametrize(
    "body",
    [{}, {"gpu": "none", "level": "LOW"}, {"gpu": "NVIDIA L4", "level": "SOME"}, {"level": "LOW"}],
    ids=str,
)
async def test_stock_that_makes_no_sense_is_refused(cloud: Cloud, body: object) -> None:
    assert (await cloud.http.post("/simulator/stock", json=body)).status_code == 400

"""How rates are written and counted, on a clock that the tests move."""

import asyncio
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from rekindle.adapters.rates import (
    LocalCounters,
    MemoryCounts,
    SharedCounters,
    rates_of,
    shared_counters,
)
from rekindle.errors import SettingsInvalid
from rekindle.ports.rates import Rate


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("30/hour", [Rate(30, 3600)]),
        ("5 per 2 seconds", [Rate(5, 2)]),
        ("5/second;600/hour", [Rate(5, 1), Rate(600, 3600)]),
        ("none", []),
        (" None ", []),
        ("", []),
    ],
)
def test_limits_are_written_as_the_library_does(text: str, rates: list[Rate]) -> None:
    assert list(rates_of("RATE_LIMIT_READS", text)) == rates


@pytest.mark.parametrize("text", ["plenty", "30", "30/fortnight", "0/hour", "-1/hour"])
def test_a_limit_that_makes_no_sense_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="RATE_LIMIT_READS="):
        rates_of("RATE_LIMIT_READS", text)


async def test_a_window_begins_with_its_first_use_and_is_not_made_longer() -> None:
    clock, rate = Clock(), Rate(2, 60)
    counters = LocalCounters(clock=clock)
    assert [await counters.use(rate, "ada") for _ in range(3)] == [1, 2, 3]
    clock.now += 45
    assert await counters.use(rate, "ada") == 4
    assert await counters.seconds_left(rate, "ada") == pytest.approx(15)
    clock.now += 15
    assert await counters.used(rate, "ada") == 0
    assert await counters.seconds_left(rate, "ada") == 0
    assert await counters.use(rate, "ada") == 1


async def test_everybody_and_every_rate_is_counted_apart() -> None:
    counters = LocalCounters(clock=Clock())
    assert await counters.use(Rate(2, 60), "ada") == 1
    assert await counters.use(Rate(2, 60), "bob") == 1
    assert await counters.use(Rate(5, 3600), "ada") == 1
    assert await counters.use(Rate(2, 60), "ada") == 2


async def test_windows_that_are_over_leave_the_memory() -> None:
    clock = Clock()
    counts = MemoryCounts(clock=clock)
    for number in range(5000):
        await counts.incr(f"old {number}", 60)
    clock.now += 61
    for number in range(5001):
        await counts.incr(f"new {number}", 60)
    assert len(counts) <= 5001 + 1024


async def test_keys_without_end_do_not_fill_the_memory_and_the_latest_count() -> None:
    counts = MemoryCounts(clock=Clock(), most_keys=100)
    for number in range(10_000):
        await counts.incr(f"address {number}", 3600)
        assert len(counts) <= 100
    assert await counts.get("address 9999") == 1
    assert await counts.get("address 0") == 0


class Away(LocalCounters):
    """A shared store that fails, or hangs, while it is told to."""

    failure: Exception | None = None
    hangs = False

    async def use(self, rate: Rate, key: str) -> int:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure:
            raise self.failure
        return await super().use(rate, key)


async def test_while_the_shared_store_is_away_this_process_counts() -> None:
    shared, rate = Away(clock=Clock()), Rate(2, 60)
    counters = SharedCounters(shared, away_seconds=3600)
    assert await counters.use(rate, "ada") == 1
    shared.failure = ConnectionRefusedError("redis://:canary@10.0.0.1")
    with capture_logs() as log:
        assert [await counters.use(rate, "ada") for _ in range(3)] == [1, 2, 3]
    assert [line["event"] for line in log] == ["shared rate limits are away"]
    assert "canary" not in str(log)


async def test_a_shared_store_that_came_back_counts_again() -> None:
    shared, rate = Away(clock=Clock()), Rate(9, 60)
    counters = SharedCounters(shared, away_seconds=0)
    await counters.use(rate, "ada")
    shared.failure = OSError()
    assert await counters.use(rate, "ada") == 1
    shared.failure = None
    assert await counters.use(rate, "ada") == 2


async def test_a_shared_store_that_hangs_is_waited_for_once() -> None:
    shared, rate = Away(clock=Clock()), Rate(9, 60)
    shared.hangs = True
    counters = SharedCounters(shared, patience_seconds=0.01, away_seconds=3600)
    async with asyncio.timeout(60):
        assert [await counters.use(rate, "ada") for _ in range(3)] == [1, 2, 3]


async def test_processes_that_share_a_store_count_together() -> None:
    counts, rate = MemoryCounts(clock=Clock()), Rate(9, 60)
    one, other = (SharedCounters(LocalCounters(counts)) for _ in range(2))
    assert [await one.use(rate, "ada"), await other.use(rate, "ada")] == [1, 2]


async def test_a_redis_that_nobody_listens_at_is_away_and_not_fatal(unused_tcp_port: int) -> None:
    rate = Rate(9, 60)
    with capture_logs() as log:
        async with shared_counters(f"redis://:canary@127.0.0.1:{unused_tcp_port}/0") as counters:
            assert [await counters.use(rate, "ada") for _ in range(2)] == [1, 2]
            assert await counters.used(rate, "ada") == 2
            assert 0 < await counters.seconds_left(rate, "ada") <= 60
    assert "canary" not in str(log)


@pytest.mark.parametrize("url", ["nosuch://127.0.0.1", "redis.example.com:6379", "", "memory://"])
async def test_an_address_of_no_store_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="RATE_LIMIT_STORAGE_URL") as refused:
        async with shared_counters(url):
            pass
    assert not url or url not in str(refused.value).replace("redis://host:6379/0", "")

"""How many requests the looks of many callers cost, and how old what they see may be."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.adapters.runpod.listing import SharedListing
from rekindle.errors import CloudUnavailable, RekindleError
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod, PodOrder

ORDER = PodOrder(name="rk-a", image="i:1", gpu_type="G", ports=(), disk_gb=40)


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Pages:
    """Counts the listings that were asked for; each waits until it may answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.open = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> Sequence[CloudPod]:
        self.asked += 1
        number, failure = self.asked, self.failure
        await self.open.wait()
        if failure:
            raise failure
        return [_pod(number)]


def _pod(number: int) -> CloudPod:
    return CloudPod(
        *(f"p{number}", "rk-a", CloudPhase.RUNNING, None, None, True, Decimal(0), None, None)
    )


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def listing(pages: Pages, clock: Clock) -> SharedListing:
    return SharedListing(pages, clock=clock)


async def seen(listing: SharedListing) -> str:
    (pod,) = await listing.pods()
    return pod.cloud_id


async def test_callers_at_the_same_time_share_one_request(
    listing: SharedListing, pages: Pages
) -> None:
    callers = [asyncio.create_task(seen(listing)) for _ in range(50)]
    await asyncio.sleep(0)
    pages.open.set()
    assert set(await asyncio.gather(*callers)) == {"p1"}
    assert pages.asked == 1


async def test_a_listing_is_served_again_for_a_moment_counted_from_when_it_was_asked_for(
    listing: SharedListing, pages: Pages, clock: Clock
) -> None:
    pages.open.set()
    assert await seen(listing) == "p1"
    clock.now += 0.9
    assert await seen(listing) == "p1"
    clock.now += 0.1
    assert await seen(listing) == "p2"


async def test_after_a_change_nobody_gets_what_was_asked_for_before_it(
    listing: SharedListing, pages: Pages
) -> None:
    before = asyncio.create_task(seen(listing))
    await asyncio.sleep(0)
    listing.forget()
    after = asyncio.create_task(seen(listing))
    await asyncio.sleep(0)
    pages.open.set()
    assert (await before, await after) == ("p1", "p2")
    assert await seen(listing) == "p2"  # the older one, ended later or not, does not come back


async def test_a_failure_is_told_to_all_who_wait_and_not_kept(
    listing: SharedListing, pages: Pages
) -> None:
    pages.failure = CloudUnavailable("busy", retry_after=3.0)
    callers = [asyncio.create_task(seen(listing)) for _ in range(3)]
    await asyncio.sleep(0)
    pages.open.set()
    for caller in callers:
        with pytest.raises(CloudUnavailable, match="busy"):
            await caller
    pages.failure = None
    assert await seen(listing) == "p2"


async def test_a_caller_that_goes_away_does_not_take_the_request_along(
    listing: SharedListing, pages: Pages
) -> None:
    leaving, staying = (asyncio.create_task(seen(listing)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    pages.open.set()
    assert await staying == "p1"
    assert leaving.cancelled()
    assert pages.asked == 1


async def test_closing_ends_what_is_under_way(listing: SharedListing) -> None:
    caller = asyncio.create_task(seen(listing))
    await asyncio.sleep(0)
    await listing.close()
    with pytest.raises(asyncio.CancelledError):
        await caller


@pytest.mark.parametrize("outcome", ["made", "refused", "unknown", "terminated", "not terminated"])
async def test_a_look_after_a_change_is_a_new_look_however_the_change_ended(
    cloud: RunPodCloud, vendor: Any, examples: Any, outcome: str
) -> None:
    vendor.says(200, {"pods": []})
    match outcome:
        case "made":
            vendor.says(201, examples["POST /v2/pods"])
        case "refused":
            vendor.says(400, {"detail": "no"})
        case "unknown" | "not terminated":
            vendor.breaks_off()
        case "terminated":
            vendor.says(204)
    vendor.says(200, examples["GET /v2/pods"])
    assert await cloud.find("") == []
    change = cloud.terminate("p1") if "terminated" in outcome else cloud.create(ORDER)
    if outcome in ("made", "terminated"):
        await change
    else:
        with pytest.raises(RekindleError):
            await change
    assert len(await cloud.find("")) == 1
    assert len(vendor.seen) == 3


async def test_a_hundred_looks_at_once_are_one_call_of_the_sixty_a_minute(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    vendor.says(200, examples["GET /v2/pods"])
    found = await asyncio.gather(*(cloud.find(f"rk-{number}") for number in range(100)))
    assert (len(found), len(vendor.seen)) == (100, 1)

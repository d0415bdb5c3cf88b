"""Which GPU types the fleet asks for, in which order, on an account with stock and prices."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, func
from sqlmodel import col

from activities.pods.candidates import Candidates, Wanted
from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.contracts.pods import PodEnding
from rekindle.contracts.statuses import GpuClass
from rekindle.models import PodRecord
from rekindle.ports.gpu_cloud import GpuOffer
from rekindle.rules.scaling import Money
from rekindle.store.database import Database

IMAGE = GpuClass.IMAGE
Make = Callable[..., Candidates]


@pytest.fixture
def cloud(frozen: Any, connect: Callable[..., RunPodCloud]) -> RunPodCloud:
    return connect(frozen)


@pytest.fixture
async def failing(database: Database) -> AsyncIterator[Callable[[str], Any]]:
    """Notes that pods of a GPU type did not boot; forgets it after the test."""
    prefix = f"rk-{uuid4().hex[:8]}-image-"

    async def fail(gpu_type: str) -> None:
        async with database.transaction() as session:
            for number in range(20):  # more often than any other test may have had it
                row = PodRecord(
                    id=f"{prefix}{number}-1",
                    gpu_class=IMAGE,
                    number=number,
                    generation=1,
                    gpu_type=gpu_type,
                    end_reason=PodEnding.NOT_READY,
                )
                row.terminated_at = func.now()  # type: ignore[assignment]
                session.add(row)

    yield fail
    async with database.transaction() as session:
        await session.execute(delete(PodRecord).where(col(PodRecord.id).startswith(prefix)))


@pytest.fixture
async def make(cloud: RunPodCloud, database: Database) -> Make:
    """Candidates on the account; what did not boot in tests before this one is forgotten."""
    async with database.transaction() as session:
        not_ready = col(PodRecord.end_reason) == PodEnding.NOT_READY
        await session.execute(delete(PodRecord).where(not_ready))

    def made(wanted: Wanted | None = None, *, volume_id: str | None = None) -> Candidates:
        return Candidates(cloud, database, {IMAGE: wanted or Wanted()}, volume_id=volume_id)

    return made


async def catalogue(cloud: RunPodCloud) -> dict[str, GpuOffer]:
    """By GPU type, the cheapest first."""
    offers = sorted(await cloud.offers(), key=lambda offer: offer.usd_per_hour or 0)
    return {offer.gpu_type: offer for offer in offers}


def usual(offers: dict[str, GpuOffer]) -> list[str]:
    return [name for name, offer in offers.items() if 24 <= offer.memory_gb <= 48]


async def test_what_has_24_to_48_gb_is_asked_for_the_cheapest_first(
    cloud: RunPodCloud, make: Make
) -> None:
    assert await make().of(IMAGE) == usual(await catalogue(cloud))
    assert await make().data_centers() == ()


async def test_a_type_without_stock_comes_last_rather_than_never(
    cloud: RunPodCloud, frozen: Any, make: Make
) -> None:
    first, *others = usual(await catalogue(cloud))
    frozen.stock(gpu=first, level="NONE")
    assert await make().of(IMAGE) == [*others, first]


async def test_a_type_that_did_not_boot_lately_comes_behind_those_that_may(
    cloud: RunPodCloud, frozen: Any, make: Make, failing: Any
) -> None:
    first, second, *others = usual(await catalogue(cloud))
    await failing(first)
    frozen.stock(gpu=second, level="NONE")
    assert await make().of(IMAGE) == [*others, first, second]


async def test_named_types_are_asked_for_in_their_order_and_no_others(
    cloud: RunPodCloud, frozen: Any, make: Make
) -> None:
    names = [*reversed(usual(await catalogue(cloud)))][:3]
    assert await make(Wanted(tuple(names))).of(IMAGE) == names
    frozen.stock(gpu=names[0], level="NONE")
    assert await make(Wanted(tuple(names))).of(IMAGE) == [*names[1:], names[0]]


async def test_beside_a_volume_its_own_data_centre_is_what_counts(
    cloud: RunPodCloud, frozen: Any, make: Make
) -> None:
    first = usual(await catalogue(cloud))[0]
    frozen.stock(gpu=first, data_center=frozen.data_center, level="NONE")
    beside = make(volume_id=frozen.volume_id)
    assert await beside.data_centers() == (frozen.data_center,)
    assert (await beside.of(IMAGE))[0] != first
    assert (await make().of(IMAGE))[0] == first


async def test_the_next_pod_is_expected_to_cost_what_is_asked_for_first(
    cloud: RunPodCloud, frozen: Any, make: Make
) -> None:
    offers = await catalogue(cloud)
    first, second, *_ = usual(offers)
    frozen.stock(gpu=first, level="NONE")
    money = await make().priced(IMAGE, Money(hour=1.0))
    assert money == Money(hour=1.0, candidate=float(offers[second].usd_per_hour or 0))

"""What every `GpuCloud` has to do, whoever rents the pods out; here RunPod's adapter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rekindle.errors import NoGpuStock
from rekindle.ports.gpu_cloud import CloudPhase, GpuCloud, PodOrder, Stock

GPU = "NVIDIA GeForce RTX 4090"
ORDER = PodOrder(
    name="rk-test-image-0-1",
    image="example/pod:1",
    gpu_type=GPU,
    ports=("8001/http",),
    disk_gb=40,
    min_cuda="12.8",
    env={"REKINDLE_POD_TOKEN": "t" * 40},
)


class GpuCloudContract:
    """One shared class for every implementation: a subclass says what `cloud` and `later` are.

    `later(seconds)` lets that much of the cloud's time pass; 60 s finish a boot.
    """

    async def test_a_new_pod_is_there_under_its_name_and_costs_something(
        self, cloud: GpuCloud
    ) -> None:
        made = await cloud.create(ORDER)
        assert (made.name, made.gpu_type, made.phase) == (ORDER.name, GPU, CloudPhase.PROVISIONING)
        assert made.usd_per_hour > 0
        assert not made.has_runtime
        assert [pod.cloud_id for pod in await cloud.find(ORDER.name)] == [made.cloud_id]
        known = await cloud.get(made.cloud_id)
        assert known is not None
        assert known.name == ORDER.name

    async def test_a_pod_is_running_before_its_container_is(
        self, cloud: GpuCloud, later: Callable[[float], None]
    ) -> None:
        cloud_id = (await cloud.create(ORDER)).cloud_id
        seen: list[tuple[str, bool]] = []
        for _ in range(13):
            pod = await cloud.get(cloud_id)
            assert pod is not None
            state = (pod.phase.value, pod.has_runtime)
            seen += [] if seen and seen[-1] == state else [state]
            later(5)
        assert seen == [
            ("PROVISIONING", False),
            ("STARTING", False),
            ("RUNNING", False),
            ("RUNNING", True),
        ]

    async def test_names_are_found_by_prefix_and_need_not_be_unique(self, cloud: GpuCloud) -> None:
        names = [
            "rk-test-image-1-1",
            "rk-test-image-1-2",
            "rk-test-image-1-2",
            "rk-test-image-10-1",
        ]
        for name in names:
            await cloud.create(replace(ORDER, name=name))
        assert sorted(p.name for p in await cloud.find("rk-test-image-1-")) == names[:3]
        assert len({pod.cloud_id for pod in await cloud.find("rk-test-")}) == 4
        assert await cloud.find("rk-other-") == []

    async def test_a_pod_that_was_given_back_is_gone_and_may_be_given_back_again(
        self, cloud: GpuCloud
    ) -> None:
        made = await cloud.create(ORDER)
        assert await cloud.terminate(made.cloud_id)
        assert not await cloud.terminate(made.cloud_id)
        assert await cloud.get(made.cloud_id) is None
        assert await cloud.find(ORDER.name) == []

    async def test_an_unknown_pod_is_none_and_fine_to_give_back(self, cloud: GpuCloud) -> None:
        assert await cloud.get("nobody") is None
        assert not await cloud.terminate("nobody")

    async def test_a_volume_fixes_where_the_pod_is(self, cloud: GpuCloud) -> None:
        (volume, *_) = await cloud.volumes()
        offers = await cloud.offers(data_center=volume.data_center)
        there = next(offer for offer in offers if offer.stock)
        made = await cloud.create(
            replace(
                ORDER,
                gpu_type=there.gpu_type,
                volume_id=volume.volume_id,
                data_centers=(volume.data_center,),
            )
        )
        assert made.data_center == volume.data_center

    async def test_what_the_catalogue_offers_can_be_ordered_at_its_price(
        self, cloud: GpuCloud
    ) -> None:
        offers = await cloud.offers()
        offer = next(o for o in offers if o.gpu_type == GPU)
        assert offer.stock > Stock.NONE
        assert offer.memory_gb == 24
        made = await cloud.create(ORDER)
        assert made.usd_per_hour == offer.usd_per_hour

    async def test_without_stock_there_is_another_candidate_to_try(
        self, cloud: GpuCloud, sell_out: Callable[[str], None]
    ) -> None:
        sell_out(GPU)
        offers = {offer.gpu_type: offer for offer in await cloud.offers()}
        assert offers[GPU].stock is Stock.NONE
        with pytest.raises(NoGpuStock):
            await cloud.create(ORDER)
        other = next(o for o in offers.values() if o.stock and o.memory_gb >= 24)
        await cloud.create(replace(ORDER, gpu_type=other.gpu_type))

    async def test_what_a_pod_cost_is_billed(
        self, cloud: GpuCloud, later: Callable[[float], None], now: Callable[[], datetime]
    ) -> None:
        since = now() - timedelta(minutes=1)
        made = await cloud.create(ORDER)
        later(7200)
        await cloud.terminate(made.cloud_id)
        later(7200)
        bills = [bill for bill in await cloud.bills(since=since) if bill.cloud_id == made.cloud_id]
        billed = sum((bill.usd for bill in bills), Decimal(0))
        assert billed == pytest.approx(2 * made.usd_per_hour, rel=Decimal("0.02"))
        assert all(bill.ends_at > bill.starts_at for bill in bills)

    async def test_an_address_ends_without_a_slash(self, cloud: GpuCloud) -> None:
        assert "8001" in cloud.address("p1", 8001)
        assert not cloud.address("p1", 8001).endswith("/")


class TestRunPod(GpuCloudContract):
    """RunPod's adapter over the simulator's account."""

    @pytest.fixture
    def cloud(self, frozen: Any, connect: Callable[..., GpuCloud]) -> GpuCloud:
        return connect(frozen)

    @pytest.fixture
    def later(self, frozen: Any) -> Callable[[float], None]:
        return lambda seconds: frozen.advance(seconds)

    @pytest.fixture
    def sell_out(self, frozen: Any) -> Callable[[str], None]:
        return lambda gpu: frozen.stock(gpu=gpu, level="NONE")

    @pytest.fixture
    def now(self, frozen: Any) -> Callable[[], datetime]:
        return lambda: datetime.fromtimestamp(frozen.now(), UTC)

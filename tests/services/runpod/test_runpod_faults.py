"""RunPod's adapter on an account where things go wrong, one named trap after the other."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.errors import CloudRefused, CloudUnavailable, NoGpuStock, RekindleError
from rekindle.ports.gpu_cloud import CloudPhase, PodOrder, Stock

GPU = "NVIDIA GeForce RTX 4090"
NAME = "rk-test-image-0-1"
ORDER = PodOrder(
    name=NAME,
    image="example/pod:1",
    gpu_type=GPU,
    ports=("8001/http",),
    disk_gb=40,
    min_cuda="12.8",
)
Connect = Callable[..., RunPodCloud]


@pytest.fixture
def cloud(frozen: Any, connect: Connect) -> RunPodCloud:
    return connect(frozen)


@pytest.mark.parametrize(
    ("fault", "error", "is_made"),
    [
        ({"kind": "no_capacity"}, NoGpuStock, False),
        ({"kind": "bad_request"}, NoGpuStock, False),
        ({"kind": "no_balance"}, CloudRefused, False),
        ({"kind": "forbidden_pool"}, NoGpuStock, False),
        ({"kind": "rate_limited", "route": "POST /v2/pods"}, CloudUnavailable, False),
        ({"kind": "server_error", "route": "POST /v2/pods"}, CloudUnavailable, False),
        ({"kind": "reset", "route": "POST /v2/pods"}, CloudUnavailable, False),
        ({"kind": "error_after", "route": "POST /v2/pods"}, CloudUnavailable, True),
        ({"kind": "lost_reply", "route": "POST /v2/pods"}, CloudUnavailable, True),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
async def test_a_create_that_goes_wrong_says_whether_to_look(
    cloud: RunPodCloud,
    frozen: Any,
    fault: dict[str, Any],
    error: type[RekindleError],
    is_made: bool,
) -> None:
    frozen.plan(fault)
    with pytest.raises(error):
        await cloud.create(ORDER)
    found = await cloud.find(NAME)
    assert [pod.name for pod in found] == ([NAME] if is_made else [])
    assert len(frozen.pods()) == len(found)


async def test_a_rate_limit_says_how_long_to_wait(cloud: RunPodCloud, frozen: Any) -> None:
    frozen.plan({"kind": "rate_limited", "route": "GET /v2/pods", "seconds": 17})
    with pytest.raises(CloudUnavailable) as limited:
        await cloud.find("")
    assert limited.value.retry_after == 17
    assert await cloud.find("") == []


async def test_a_key_that_may_only_look_is_no_reason_to_stop_looking(
    frozen: Any, connect: Connect
) -> None:
    made = await connect(frozen).create(ORDER)
    cloud = connect(frozen, key=frozen.read_only_key)
    assert len(await cloud.find("")) == 1
    with pytest.raises(NoGpuStock):  # 403 on create: "may not use that pool", says the table
        await cloud.create(ORDER)
    with pytest.raises(CloudRefused, match="403"):
        await cloud.terminate(made.cloud_id)


async def test_a_wrong_key_is_refused_everywhere(frozen: Any, connect: Connect) -> None:
    cloud = connect(frozen, key="rpa_stale")
    for call in (cloud.find(""), cloud.create(ORDER), cloud.terminate("p1"), cloud.offers()):
        with pytest.raises(CloudRefused, match="401") as refused:
            await call
        assert "rpa_stale" not in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [{"min_cuda": "twelve"}, {"disk_gb": 0}, {"name": ""}],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_body_off_the_schema_is_permanent_and_says_what_is_wrong(
    cloud: RunPodCloud, changed: dict[str, Any]
) -> None:
    with pytest.raises(CloudRefused, match=r"422.*\$"):
        await cloud.create(replace(ORDER, **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"gpu_type": "NVIDIA Nothing"},
        {"volume_id": "vol-nobody"},
        {"data_centers": ("XX-XX-1",)},
        {"ports": ("8001",)},
        {"min_cuda": "99.9"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_broken_rule_reads_like_no_capacity_and_keeps_the_prose(
    cloud: RunPodCloud, changed: dict[str, Any]
) -> None:
    with pytest.raises(NoGpuStock, match=r"HTTP 400: \w+"):
        await cloud.create(replace(ORDER, **changed))


async def test_the_vendors_example_reply_changes_nothing(cloud: RunPodCloud, frozen: Any) -> None:
    frozen.plan({"kind": "example_reply"})
    made = await cloud.create(ORDER)
    assert (made.phase, made.has_runtime) == (CloudPhase.PROVISIONING, False)


async def test_a_new_pod_that_the_listing_hides_is_there_all_the_same(
    cloud: RunPodCloud, frozen: Any
) -> None:
    frozen.plan({"kind": "listing_lag", "seconds": 8})
    made = await cloud.create(ORDER)
    assert await cloud.find(NAME) == []
    assert await cloud.get(made.cloud_id) is not None
    frozen.advance(9)
    await cloud.terminate("nobody")  # so that the next look is a new one
    assert [pod.cloud_id for pod in await cloud.find(NAME)] == [made.cloud_id]


@pytest.mark.parametrize(
    ("fault", "phase"),
    [
        ({"kind": "stuck_starting"}, CloudPhase.STARTING),
        ({"kind": "never_ready"}, CloudPhase.RUNNING),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
async def test_a_pod_that_never_works_is_told_apart_by_its_runtime(
    cloud: RunPodCloud, frozen: Any, fault: dict[str, Any], phase: CloudPhase
) -> None:
    frozen.plan(fault)
    made = await cloud.create(ORDER)
    frozen.advance(3600)
    pod = await cloud.get(made.cloud_id)
    assert pod is not None
    assert (pod.phase, pod.has_runtime) == (phase, False)
    assert pod.usd_per_hour > 0  # it is billed all the same


@pytest.mark.parametrize("floor", [None, "12.8"])
async def test_a_host_that_is_too_old_is_kept_away_by_a_cuda_floor_alone(
    cloud: RunPodCloud, frozen: Any, floor: str | None
) -> None:
    frozen.plan({"kind": "host_too_old"})
    made = await cloud.create(replace(ORDER, min_cuda=floor))
    frozen.advance(3600)
    pod = await cloud.get(made.cloud_id)
    assert pod is not None
    assert (pod.phase, pod.has_runtime) == (CloudPhase.RUNNING, floor is not None)


@pytest.mark.parametrize("status", ["EXITED", "ERROR"])
async def test_a_pod_that_dies_by_itself_costs_nothing_and_can_be_given_back(
    cloud: RunPodCloud, frozen: Any, status: str
) -> None:
    frozen.plan({"kind": "dies", "when": "ready", "seconds": 5, "status": status})
    made = await cloud.create(ORDER)
    frozen.advance(120)
    pod = await cloud.get(made.cloud_id)
    assert pod is not None
    assert (pod.phase, pod.has_runtime) == (CloudPhase(status), False)
    await cloud.terminate(made.cloud_id)
    assert await cloud.get(made.cloud_id) is None


async def test_a_terminate_that_was_lost_is_seen_by_looking_again(
    cloud: RunPodCloud, frozen: Any
) -> None:
    made = await cloud.create(ORDER)
    frozen.plan({"kind": "terminate_lost"})
    await cloud.terminate(made.cloud_id)
    assert await cloud.get(made.cloud_id) is not None  # 204, and it is there
    await cloud.terminate(made.cloud_id)
    assert await cloud.get(made.cloud_id) is None


@pytest.mark.parametrize("kind", ["error_after", "lost_reply"])
async def test_a_terminate_whose_answer_was_lost_is_fine_to_repeat(
    cloud: RunPodCloud, frozen: Any, kind: str
) -> None:
    made = await cloud.create(ORDER)
    frozen.plan({"kind": kind, "route": "DELETE /v2/pods/*"})
    with pytest.raises(CloudUnavailable):
        await cloud.terminate(made.cloud_id)
    assert await cloud.find(NAME) == []
    await cloud.terminate(made.cloud_id)


async def test_the_billed_rate_is_the_pods_own_not_the_catalogues(
    cloud: RunPodCloud, frozen: Any
) -> None:
    frozen.plan({"kind": "price_change", "price": 0.99})
    (before,) = [o.usd_per_hour for o in await cloud.offers() if o.gpu_type == GPU]
    made = await cloud.create(ORDER)
    assert made.usd_per_hour == Decimal("0.99") != before


async def test_a_catalogue_that_says_high_does_not_make_a_pod(
    cloud: RunPodCloud, frozen: Any
) -> None:
    frozen.stock(gpu=GPU, level="HIGH")
    frozen.plan({"kind": "no_capacity", "gpu": GPU, "count": None})
    assert {o.gpu_type: o.stock for o in await cloud.offers()}[GPU] is Stock.HIGH
    with pytest.raises(NoGpuStock):
        await cloud.create(ORDER)


async def test_a_volumes_data_centre_that_is_sold_out_is_seen_though_the_world_has_some(
    cloud: RunPodCloud, frozen: Any
) -> None:
    (volume,) = await cloud.volumes()
    frozen.stock(gpu=GPU, data_center=volume.data_center, level="NONE")
    there = {o.gpu_type: o for o in await cloud.offers(data_center=volume.data_center)}
    assert there[GPU].stock is Stock.NONE
    assert {o.gpu_type: o.stock for o in await cloud.offers()}[GPU] > Stock.NONE
    with pytest.raises(NoGpuStock):
        await cloud.create(
            replace(ORDER, volume_id=volume.volume_id, data_centers=(volume.data_center,))
        )


async def test_a_bill_that_comes_an_hour_late_is_not_an_error(
    cloud: RunPodCloud, frozen: Any
) -> None:
    since = datetime.fromtimestamp(frozen.now(), UTC)
    frozen.plan({"kind": "billing_lag", "seconds": 7200, "count": None})
    made = await cloud.create(ORDER)
    frozen.advance(3600)
    assert await cloud.bills(since=since) == []
    frozen.advance(7200)
    assert {bill.cloud_id for bill in await cloud.bills(since=since)} == {made.cloud_id}


async def test_two_pods_of_one_name_are_two_pods(cloud: RunPodCloud) -> None:
    made = {(await cloud.create(ORDER)).cloud_id for _ in range(2)}
    assert {pod.cloud_id for pod in await cloud.find(NAME)} == made
    assert len(made) == 2

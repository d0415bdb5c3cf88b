"""What goes to RunPod and what its replies mean, by the vendor's own schemas and examples."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.adapters.runpod import wire
from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.errors import CloudRefused, CloudUnavailable, SettingsInvalid
from rekindle.ports.gpu_cloud import CloudPhase, PodOrder, Stock
from simulators.runpod.wire.schema import SchemaSet

JUNE = datetime(2026, 6, 1, 12, tzinfo=UTC)
Change = dict[str, Any]
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def order(**changed: Any) -> PodOrder:
    least: dict[str, Any] = {
        **{"name": "rk-test-image-0-1", "image": "example/pod:1", "gpu_type": "NVIDIA L4"},
        **{"ports": ("8001/http",), "disk_gb": 40},
    }
    return PodOrder(**{**least, **changed})


@pytest.fixture
def running(examples: Any) -> Any:
    return examples["GET /v2/pods/{id}"]


async def test_a_whole_order_is_the_body_of_the_reference(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    vendor.says_like_the_vendor("POST /v2/pods", 201, examples["POST /v2/pods"])
    whole = order(
        data_centers=("EU-RO-1",),
        volume_id="agv6w2qcg7",
        min_cuda="12.8",
        env={"REKINDLE_POD_GENERATION": "7"},
    )
    await cloud.create(whole)
    (seen,) = vendor.seen
    assert seen.body == {
        "name": "rk-test-image-0-1",
        "image": "example/pod:1",
        "gpu": {"id": "NVIDIA L4", "count": 1, "minCudaVersion": "12.8"},
        "cloud": "SECURE",
        "dataCenterIds": ["EU-RO-1"],
        "disk": 40,
        "mounts": {"network": [{"volumeId": "agv6w2qcg7", "path": "/workspace"}]},
        "env": {"REKINDLE_POD_GENERATION": "7"},
        "ports": ["8001/http"],
    }


@unhurried
@given(
    st.builds(
        PodOrder,
        name=st.text(min_size=1),
        image=st.text(min_size=1),
        gpu_type=st.text(),
        ports=st.lists(st.from_regex(r"\d{1,5}/(http|tcp)", fullmatch=True)).map(tuple),
        disk_gb=st.integers(1, 1000),
        data_centers=st.lists(st.text()).map(tuple),
        volume_id=st.none() | st.text(),
        volume_path=st.text(),
        min_cuda=st.none() | st.from_regex(r"[1-9]\d?\.\d", fullmatch=True),
        env=st.dictionaries(st.text(), st.text(), max_size=wire.MOST_VARIABLES),
    )
)
def test_every_order_makes_a_body_that_the_vendor_allows(
    schemas: SchemaSet, made: PodOrder
) -> None:
    assert schemas.violations("CreatePodRequest", wire.create_body(made)) == []


@pytest.mark.parametrize(
    ("changed", "absent"),
    [
        ({"min_cuda": None}, "minCudaVersion"),
        ({"data_centers": ()}, "dataCenterIds"),
        ({"volume_id": None}, "mounts"),
    ],
)
def test_what_an_order_leaves_open_is_not_sent(changed: Change, absent: str) -> None:
    assert absent not in str(wire.create_body(order(**changed)))


def test_a_cuda_floor_never_comes_with_an_exact_list_and_a_volume_never_with_a_local_disk() -> None:
    body = wire.create_body(order(min_cuda="12.8", volume_id="v"))
    assert set(body["gpu"]) == {"id", "count", "minCudaVersion"}
    assert set(body["mounts"]) == {"network"}
    assert set(body["mounts"]["network"][0]) == {"volumeId", "path"}  # the path has no default


async def test_more_variables_than_a_pod_takes_are_refused_before_they_read_as_no_capacity(
    cloud: RunPodCloud, vendor: Any
) -> None:
    many = {f"V{number}": "x" for number in range(wire.MOST_VARIABLES + 1)}
    with pytest.raises(CloudRefused, match="50"):
        await cloud.create(order(env=many))
    assert vendor.seen == []


async def test_the_vendors_example_of_a_new_pod_is_not_ready(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    """It says `actions: [start]`, `runtime: {}` and a template, against the vendor's own text."""
    vendor.says_like_the_vendor("POST /v2/pods", 201, examples["POST /v2/pods"])
    made = await cloud.create(order())
    assert (made.cloud_id, made.phase) == ("7h9k2m4n6p", CloudPhase.PROVISIONING)
    assert (made.has_runtime, made.started_at, made.created_at) == (False, None, JUNE)


async def test_the_vendors_example_of_a_running_pod_is_understood(
    cloud: RunPodCloud, vendor: Any, running: Any
) -> None:
    vendor.says_like_the_vendor("GET /v2/pods/{id}", 200, running)
    found = await cloud.get("7h9k2m4n6p")
    assert found is not None
    assert (found.name, found.phase) == ("pytorch-training", CloudPhase.RUNNING)
    assert (found.gpu_type, found.data_center) == ("NVIDIA GeForce RTX 4090", "US-KS-2")
    assert found.usd_per_hour == Decimal("0.44")  # exact: no float in between
    assert (found.has_runtime, found.started_at) == (True, JUNE + timedelta(minutes=2))


@pytest.mark.parametrize(
    ("runtime", "has"),
    [(None, False), ({}, False), ({"uptime": 0}, True), ({"uptime": 3, "ports": []}, True)],
)
def test_running_without_a_runtime_is_told_apart(running: Any, runtime: Any, has: bool) -> None:
    found = wire.pod({**running, "status": "RUNNING", "runtime": runtime})
    assert (found.phase, found.has_runtime) == (CloudPhase.RUNNING, has)


@pytest.mark.parametrize("phase", list(CloudPhase))
def test_every_state_of_the_vendor_is_a_phase(
    schemas: SchemaSet, running: Any, phase: CloudPhase
) -> None:
    told = {**running, "status": phase.value, "cost": 0}
    assert schemas.violations("Pod", told) == []
    assert (wire.pod(told).phase, wire.pod(told).usd_per_hour) == (phase, Decimal(0))


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "MIGRATING"},
        {"status": None},
        {"actions": ["hibernate"]},
        {"actions": None},
        {"something": {"new": True}},
        {"gpu": None},
        {"dataCenterId": None},
        {"cost": None},
        {"cost": "free"},
        {"createdAt": "lately"},
        {"createdAt": "0001-01-01T00:00:00Z"},
        {"startedAt": 7},
        {"runtime": []},
        {"env": None},
    ],
)
def test_a_pod_with_words_that_nobody_knows_is_still_a_pod(running: Any, changed: Change) -> None:
    found = wire.pod({**running, "status": "STARTING", **changed})
    assert found.cloud_id == "7h9k2m4n6p"
    assert found.phase in (CloudPhase.STARTING, CloudPhase.PROVISIONING)


@pytest.mark.parametrize("lost", ["id", "name"])
async def test_a_pod_that_cannot_be_read_is_never_left_out_of_a_list(
    cloud: RunPodCloud, vendor: Any, running: Any, lost: str
) -> None:
    vendor.says(200, {"pods": [running, {**running, lost: None}]})
    with pytest.raises(CloudUnavailable):
        await cloud.find("")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-01T12:00:00Z", JUNE),
        ("2026-06-01T14:00:00+02:00", JUNE),
        ("2026-06-01T12:00:00.123456789Z", JUNE + timedelta(microseconds=123456)),
        ("2026-06-01T12:00:00", JUNE),
    ],
)
def test_times_of_every_precision_are_read(running: Any, text: str, moment: datetime) -> None:
    assert wire.pod({**running, "createdAt": text}).created_at == moment


async def test_an_empty_list_is_wrapped_or_null(cloud: RunPodCloud, vendor: Any) -> None:
    vendor.says_like_the_vendor("GET /v2/network-volumes", 200, {"networkVolumes": []})
    vendor.says(200, {"networkVolumes": None})
    assert await cloud.volumes() == []
    assert await cloud.volumes() == []


async def test_pods_are_found_by_prefix_also_two_of_one_name(
    cloud: RunPodCloud, vendor: Any, running: Any
) -> None:
    names = ["rk-a-image-1-1", "rk-a-image-1-1", "rk-a-image-10-1", "other"]
    pods = [{**running, "id": f"p{n}", "name": name} for n, name in enumerate(names)]
    vendor.says_like_the_vendor("GET /v2/pods", 200, {"pods": pods})
    assert [pod.cloud_id for pod in await cloud.find("rk-a-image-1-")] == ["p0", "p1"]
    assert [pod.cloud_id for pod in await cloud.find("")] == ["p0", "p1", "p2", "p3"]
    (seen,) = vendor.seen
    assert seen.query == {}  # no paging, no filter: the API has neither


async def test_the_catalogue_is_asked_for_the_stock_of_pods(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    example = examples["GET /v2/catalog/gpus"]
    vendor.says_like_the_vendor("GET /v2/catalog/gpus", 200, example)
    (offer,) = await cloud.offers()
    assert (offer.gpu_type, offer.memory_gb, offer.most) == ("NVIDIA GeForce RTX 4090", 24, 8)
    assert (offer.usd_per_hour, offer.stock) == (Decimal("0.44"), Stock.HIGH)
    assert offer.data_centers == {"US-KS-2": Stock.HIGH}
    (seen,) = vendor.seen
    # product is required with, and only with, availability
    assert seen.query == {"include": "AVAILABILITY", "product": "POD", "cloud": "SECURE"} | {
        "count": "1"
    }


async def test_the_stock_of_a_volumes_data_centre_counts_not_that_of_the_world(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    example = examples["GET /v2/catalog/gpus"]
    sold_out = {"id": "EU-RO-1", "name": "Romania", "availability": "NONE"}
    example["gpus"][0]["dataCenters"].append(sold_out)
    for _ in range(3):
        vendor.says_like_the_vendor("GET /v2/catalog/gpus", 200, example)
    for name, stock in {"US-KS-2": Stock.HIGH, "EU-RO-1": Stock.NONE, "EU-CZ-1": 0}.items():
        (offer,) = await cloud.offers(data_center=name)
        assert (offer.stock, dict(offer.data_centers)) == (stock, {"US-KS-2": Stock.HIGH})


@pytest.mark.parametrize(
    ("changed", "stock"),
    [
        ({"availability": "NONE", "dataCenters": None}, Stock.NONE),
        ({"availability": None}, Stock.NONE),
        ({"availability": "PLENTY"}, Stock.LOW),
        ({"pool": None, "cudaVersions": None}, Stock.HIGH),
    ],
)
def test_a_catalogue_with_gaps_is_understood(examples: Any, changed: Change, stock: Stock) -> None:
    entry = {**examples["GET /v2/catalog/gpus"]["gpus"][0], **changed}
    without = {name: value for name, value in entry.items() if value is not None}
    for each in (entry, without):
        offer = wire.offer(each, data_center=None)
        assert offer is not None
        assert offer.stock is stock


@pytest.mark.parametrize("changed", [{"secure": False}, {"memory": None}])
def test_what_no_order_can_name_is_no_offer(examples: Any, changed: Change) -> None:
    entry = {**examples["GET /v2/catalog/gpus"]["gpus"][0], **changed}
    assert wire.offer(entry, data_center=None) is None


@pytest.mark.parametrize("price", [{"secure": 0}, {"secure": None}, {}, None])
def test_a_price_that_is_not_told_is_not_free(examples: Any, price: Any) -> None:
    entry = {**examples["GET /v2/catalog/gpus"]["gpus"][0], "price": price}
    offer = wire.offer(entry, data_center=None)
    assert offer is not None
    assert offer.usd_per_hour is None


async def test_a_volume_names_its_data_centre_otherwise_than_a_pod(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    vendor.says_like_the_vendor("GET /v2/network-volumes", 200, examples["GET /v2/network-volumes"])
    (volume,) = await cloud.volumes()
    assert (volume.volume_id, volume.name) == ("2q9m7x4c", "training-dataset")
    assert (volume.size_gb, volume.data_center) == (100, "US-KS-2")


async def test_bills_are_asked_for_by_the_hour_in_utc(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    vendor.says_like_the_vendor("GET /v2/billing/pods", 200, examples["GET /v2/billing/pods"])
    berlin = timezone(timedelta(hours=2))
    (bill,) = await cloud.bills(since=datetime(2026, 6, 1, 2, 30, tzinfo=berlin))
    assert (bill.cloud_id, bill.usd, bill.gpu_usd) == (
        "7h9k2m4n6p",
        Decimal("12.34"),
        Decimal("11.1"),
    )
    assert bill.ends_at - bill.starts_at == timedelta(days=1)
    (seen,) = vendor.seen
    # lastN is mutually exclusive with a start
    assert seen.query == {"startTime": "2026-06-01T00:30:00Z", "bucketSize": "hour"}


async def test_a_time_without_a_zone_is_a_mistake_of_ours(cloud: RunPodCloud, vendor: Any) -> None:
    with pytest.raises(ValueError, match="zone"):
        await cloud.bills(since=datetime(2026, 6, 1))
    assert vendor.seen == []


async def test_a_bill_that_is_not_there_yet_is_an_empty_list(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    late = {**examples["GET /v2/billing/pods"], "records": []}
    vendor.says_like_the_vendor("GET /v2/billing/pods", 200, late)
    assert await cloud.bills(since=JUNE) == []


def test_an_address_is_made_of_pod_and_port() -> None:
    for template, address in {
        "https://{pod_id}-{port}.proxy.runpod.net": "https://p1-8001.proxy.runpod.net",
        "http://127.0.0.1:9/{pod_id}/{port}/": "http://127.0.0.1:9/p1/8001",
        "http://[::1]:9/{x}/{pod_id}/{port}": "http://[::1]:9/{x}/p1/8001",
    }.items():
        cloud = RunPodCloud(api_url="https://api.runpod.io", key="k", proxy_url=template)
        assert cloud.address("p1", 8001) == address


@pytest.mark.parametrize("proxy_url", ["", "https://proxy.example", "https://{pod_id}.example"])
def test_a_proxy_address_without_its_places_is_a_wrong_setting(proxy_url: str) -> None:
    with pytest.raises(SettingsInvalid, match="RUNPOD_PROXY_URL"):
        RunPodCloud(api_url="https://api.runpod.io", key="k", proxy_url=proxy_url)


@pytest.mark.parametrize(
    "api_url",
    [
        *("", "api.runpod.io", "http://api.runpod.io", "ftp://127.0.0.1", "https://"),
        # pragma: allowlist nextline secret
        *("https://me:pw@api.runpod.io", "https://api.runpod.io/?a=b", "https://x:port"),
        *("http://127.0.0.1.evil.example", "https://api.runpod.io#f"),
    ],
)
def test_the_key_goes_to_no_address_that_cannot_keep_it(api_url: str) -> None:
    with pytest.raises(SettingsInvalid, match="RUNPOD_API_URL") as wrong:
        RunPodCloud(api_url=api_url, key="k", proxy_url="{pod_id}{port}")
    assert "pw" not in str(wrong.value)


async def test_the_key_is_a_bearer_token_of_every_request(
    vendor: Any, open_cloud: Callable[..., RunPodCloud]
) -> None:
    vendor.says(204)
    await open_cloud(vendor.url + "/").terminate("p1")
    (seen,) = vendor.seen
    assert seen.headers["authorization"].startswith("Bearer rpa_")
    assert seen.path == "/v2/pods/p1"

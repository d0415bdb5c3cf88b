"""What a create call may say: 422 against the schema, 400 against a rule or without capacity."""

from typing import Any

import pytest

from simulators.runpod.cloud.placement import NO_CAPACITY
from tests.unit.runpod_simulator.conftest import GPU, Cloud

NETWORK = {"network": [{"volumeId": "models-eu", "path": "/workspace"}]}


@pytest.mark.parametrize(
    "changes",
    [
        {"bogus": 1},
        {"gpu": {"id": GPU, "count": 0}},
        {"gpu": {"id": GPU, "minCudaVersion": "12"}},
        {"gpu": {"id": GPU, "interruptible": True}},
        {"name": ""},
        {"image": None},
        {"disk": 0},
        {"env": {"A": 1}},
        {"mounts": {"network": [{"volumeId": "models-eu"}]}},
        {"mounts": {"network": [NETWORK["network"][0]] * 2}},
        {"mounts": {"persistent": {"size": 5, "path": "/data"}}},
        {"dataCenterIds": "EU-RO-1"},
    ],
    ids=lambda value: next(iter(value)),
)
async def test_a_body_against_the_schema_is_422(cloud: Cloud, changes: dict[str, Any]) -> None:
    reply = await cloud.http.post("/v2/pods", json=cloud.body(**changes))
    assert reply.status_code == 422
    assert reply.json()["errors"]
    assert await cloud.listed() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cpu": {"id": "cpu3c", "vcpuCount": 2}}, "exactly one"),
        ({"gpu": {"id": "NVIDIA Nothing"}}, "does not exist"),
        ({"gpu": {"id": GPU, "count": 99}}, "maximum"),
        (
            {"gpu": {"id": GPU, "minCudaVersion": "12.8", "allowedCudaVersions": ["12.8"]}},
            "exclusive",
        ),
        ({"mounts": NETWORK | {"persistent": {"size": 10, "path": "/data"}}}, "exclusive"),
        ({"mounts": NETWORK, "cloud": "COMMUNITY"}, "Secure Cloud"),
        ({"mounts": NETWORK, "dataCenterIds": ["US-KS-2"]}, "EU-RO-1"),
        ({"mounts": {"network": [{"volumeId": "no", "path": "/w"}]}}, "does not exist"),
        ({"mounts": {"network": [{"volumeId": "models-eu", "path": "w"}]}}, "absolute"),
        ({"mounts": {"network": [{"volumeId": "models-eu", "path": "/../w"}]}}, "absolute"),
        ({"dataCenterIds": ["MOON-1"]}, "does not exist"),
        ({"ports": ["8001"]}, "port"),
        ({"ports": ["8001/udp"]}, "port"),
        ({"ports": [f"{8000 + n}/http" for n in range(11)]}, "at most 10"),
        ({"env": {f"A{n}": "" for n in range(51)}}, "at most 50"),
        ({"cloud": "COMMUNITY", "gpu": {"id": "NVIDIA L4"}}, "maximum"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_broken_rule_is_400_in_prose(
    cloud: Cloud, changes: dict[str, Any], said: str
) -> None:
    reply = await cloud.http.post("/v2/pods", json=cloud.body(**changes))
    assert reply.status_code == 400
    assert said in reply.json()["detail"]
    assert "errors" not in reply.json()
    assert await cloud.listed() == []


async def test_neither_gpu_nor_cpu_is_400(cloud: Cloud) -> None:
    body = cloud.body()
    del body["gpu"]
    assert (await cloud.http.post("/v2/pods", json=body)).status_code == 400


async def test_an_unknown_template_is_404(cloud: Cloud) -> None:
    reply = await cloud.http.post("/v2/pods", json=cloud.body(templateId="nobodys"))
    assert reply.status_code == 404


async def test_no_json_is_400(cloud: Cloud) -> None:
    assert (await cloud.http.post("/v2/pods", content=b"{")).status_code == 400


@pytest.mark.parametrize(
    ("wanted", "is_granted"),
    [
        ({"minCudaVersion": "12.8"}, True),
        ({"minCudaVersion": "12.11"}, True),
        ({"minCudaVersion": "13.0"}, True),
        ({"minCudaVersion": "13.1"}, False),
        ({"allowedCudaVersions": ["12.9"]}, True),
        ({"allowedCudaVersions": ["12.7"]}, False),
        ({"allowedCudaVersions": [], "minCudaVersion": "12.8"}, True),
    ],
    ids=str,
)
async def test_hosts_match_the_cuda_that_is_asked_for(
    cloud: Cloud, wanted: dict[str, Any], is_granted: bool
) -> None:
    reply = await cloud.http.post("/v2/pods", json=cloud.body(gpu={"id": GPU, **wanted}))
    if not is_granted:
        assert (reply.status_code, reply.json()["detail"]) == (400, NO_CAPACITY)
        return
    found = tuple(int(part) for part in reply.json()["cudaVersion"].split("."))
    if "minCudaVersion" in wanted:
        assert found >= tuple(int(part) for part in wanted["minCudaVersion"].split("."))
    else:
        assert reply.json()["cudaVersion"] in wanted["allowedCudaVersions"]


async def test_data_centers_are_tried_in_order(cloud: Cloud) -> None:
    wanted = ["EUR-IS-1", "US-KS-2"]
    assert (await cloud.create(dataCenterIds=wanted))["dataCenterId"] == "EUR-IS-1"
    stock = {"gpu": GPU, "data_center": "EUR-IS-1", "level": "NONE"}
    assert (await cloud.http.post("/simulator/stock", json=stock)).status_code == 200
    assert (await cloud.create(dataCenterIds=wanted))["dataCenterId"] == "US-KS-2"


async def test_a_volumes_data_center_can_be_sold_out(cloud: Cloud) -> None:
    stock = {"gpu": GPU, "data_center": "EU-RO-1", "level": "NONE"}
    await cloud.http.post("/simulator/stock", json=stock)
    reply = await cloud.http.post("/v2/pods", json=cloud.body(mounts=NETWORK))
    assert (reply.status_code, reply.json()["detail"]) == (400, NO_CAPACITY)


async def test_machines_never_hold_more_gpus_than_they_have(cloud: Cloud) -> None:
    body = {"gpu": {"id": GPU, "count": 8}, "dataCenterIds": ["EU-RO-1"]}
    for _ in range(20):
        await cloud.create(**body)
    pods = (await cloud.http.get("/simulator/pods")).json()["pods"]
    assert len({pod["machine"] for pod in pods}) == 20

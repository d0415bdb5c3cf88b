"""Every fault that can be scripted, in a light simulator whose clock stands still."""

import asyncio
from typing import Any

import httpx
import pytest

from simulators.runpod.cloud.placement import NO_CAPACITY
from tests.unit.runpod_simulator.conftest import GPU, TOKEN, Cloud

L4 = "NVIDIA L4"
AS_CONTROLLER = {"Authorization": f"Bearer {TOKEN}"}
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}},
}


async def statuses(cloud: Cloud, count: int, **changes: Any) -> list[int]:
    """Statuses of so many create calls."""
    replies = [await cloud.http.post("/v2/pods", json=cloud.body(**changes)) for _ in range(count)]
    return [reply.status_code for reply in replies]


async def health(cloud: Cloud, pod_id: str) -> int:
    return (await cloud.http.get(f"/proxy/{pod_id}/8001/health")).status_code


async def test_no_capacity_happens_so_often_and_for_one_type(cloud: Cloud) -> None:
    await cloud.plan({"kind": "no_capacity", "gpu": GPU, "count": 2})
    assert await statuses(cloud, 1, gpu={"id": L4}) == [201]
    refused = await cloud.http.post("/v2/pods", json=cloud.body())
    assert (refused.status_code, refused.json()["detail"]) == (400, NO_CAPACITY)
    assert "code" not in refused.json()
    assert await statuses(cloud, 2) == [400, 201]
    assert await cloud.fired("no_capacity") == 2
    left = (await cloud.http.get("/simulator/faults")).json()["faults"]
    assert left == [{"kind": "no_capacity", "count": 0, "gpu": GPU, "fired": 2}]


async def test_no_capacity_can_last_until_it_is_cleared(cloud: Cloud) -> None:
    await cloud.plan({"kind": "no_capacity", "count": None})
    assert await statuses(cloud, 5) == [400] * 5
    await cloud.http.delete("/simulator/faults")
    assert await statuses(cloud, 1) == [201]


async def test_no_capacity_in_one_data_center_leaves_the_others(cloud: Cloud) -> None:
    await cloud.plan({"kind": "no_capacity", "data_center": "EU-RO-1", "count": None})
    assert (await cloud.create(dataCenterIds=["EU-RO-1", "US-KS-2"]))["dataCenterId"] == "US-KS-2"
    assert await statuses(cloud, 1, dataCenterIds=["EU-RO-1"]) == [400]


async def test_the_catalogue_says_high_while_create_fails(cloud: Cloud) -> None:
    await cloud.plan({"kind": "no_capacity", "count": None})
    query = {"include": "AVAILABILITY", "product": "POD"}
    gpus = (await cloud.http.get("/v2/catalog/gpus", params=query)).json()["gpus"]
    assert {gpu["availability"] for gpu in gpus if gpu["id"] == GPU} == {"HIGH"}
    assert await statuses(cloud, 1) == [400]


@pytest.mark.parametrize(
    ("kind", "status"), [("bad_request", 400), ("no_balance", 402), ("forbidden_pool", 403)]
)
async def test_create_is_refused_with_a_status_and_prose(
    cloud: Cloud, kind: str, status: int
) -> None:
    await cloud.plan({"kind": kind, "name": "rk-test-"})
    assert await statuses(cloud, 1, name="other") == [201]
    reply = await cloud.http.post("/v2/pods", json=cloud.body())
    assert (reply.status_code, set(reply.json())) == (status, {"title", "status", "detail"})
    assert await cloud.fired(kind) == 1
    assert await statuses(cloud, 1) == [201]


async def test_a_400_can_say_anything(cloud: Cloud) -> None:
    await cloud.plan({"kind": "bad_request", "detail": "Something went wrong."})
    reply = await cloud.http.post("/v2/pods", json=cloud.body())
    assert reply.json()["detail"] == "Something went wrong."


async def test_the_price_changes_between_read_and_create(cloud: Cloud) -> None:
    await cloud.plan({"kind": "price_change", "gpu": GPU, "price": 0.99})
    prices = []
    for _ in range(2):
        gpus = (await cloud.http.get("/v2/catalog/gpus")).json()["gpus"]
        prices.append(next(gpu["price"]["secure"] for gpu in gpus if gpu["id"] == GPU))
        if len(prices) == 1:
            assert (await cloud.create())["cost"] == 0.99
    assert prices == [0.44, 0.99]
    assert (await cloud.create())["cost"] == 0.99


async def test_the_create_reply_can_disagree_with_itself_as_the_vendors_example(
    cloud: Cloud,
) -> None:
    await cloud.plan({"kind": "example_reply"})
    pod = await cloud.create()
    assert (pod["status"], pod["runtime"]) == ("PROVISIONING", {})
    assert pod["actions"] == ["start", "terminate"]
    assert (await cloud.get(pod["id"]))["actions"] == ["stop", "terminate"]


async def test_a_pod_is_stuck_in_starting(cloud: Cloud) -> None:
    await cloud.plan({"kind": "stuck_starting"})
    stuck, fine = await cloud.create(), await cloud.create()
    cloud.clock.advance(86_400)
    assert await cloud.status(stuck["id"]) == "STARTING"
    assert await cloud.status(fine["id"]) == "RUNNING"
    assert (await cloud.account(stuck["id"]))["is_billed"]


async def test_a_pod_runs_and_is_never_ready(cloud: Cloud) -> None:
    await cloud.plan({"kind": "never_ready"})
    pod = await cloud.create()
    cloud.clock.advance(86_400)
    seen = await cloud.get(pod["id"])
    assert (seen["status"], seen["runtime"]) == ("RUNNING", None)
    assert await health(cloud, pod["id"]) == 502


async def test_a_host_is_too_old_and_shows_it_nowhere_but_in_its_driver(cloud: Cloud) -> None:
    await cloud.plan({"kind": "host_too_old", "cuda": "12.2", "count": None})
    pod = await cloud.create()
    cloud.clock.advance(86_400)
    seen = await cloud.get(pod["id"])
    assert (seen["status"], seen["runtime"], seen["cudaVersion"]) == ("RUNNING", None, "12.2")
    assert await statuses(cloud, 1, gpu={"id": GPU, "minCudaVersion": "12.8"}) == [400]


async def test_the_list_lags_behind_creation(cloud: Cloud) -> None:
    await cloud.plan({"kind": "listing_lag", "seconds": 30})
    late, fine = await cloud.create(), await cloud.create()
    assert await cloud.listed() == [fine["id"]]
    assert (await cloud.get(late["id"]))["id"] == late["id"]
    cloud.clock.advance(29)
    assert await cloud.listed() == [fine["id"]]
    cloud.clock.advance(2)
    assert await cloud.listed() == [late["id"], fine["id"]]


async def test_the_status_that_is_told_is_a_former_one(cloud: Cloud) -> None:
    await cloud.plan({"kind": "stale_status", "seconds": 20})
    pod = await cloud.create()
    cloud.clock.advance(17)  # RUNNING since second 15
    assert await cloud.status(pod["id"]) == "PROVISIONING"
    cloud.clock.advance(15)
    assert await cloud.status(pod["id"]) == "STARTING"
    cloud.clock.advance(4)
    assert await cloud.status(pod["id"]) == "RUNNING"
    address = f"/v2/pods/{pod['id']}"
    assert (await cloud.http.delete(address)).status_code == 204
    assert await cloud.status(pod["id"]) == "RUNNING"
    assert await cloud.listed() == [pod["id"]]
    assert (await cloud.http.delete(address)).status_code == 404
    cloud.clock.advance(21)
    assert await cloud.listed() == []


@pytest.mark.parametrize("status", ["EXITED", "ERROR", "RUNNING", "TERMINATED"])
async def test_a_pod_dies_by_itself(cloud: Cloud, status: str) -> None:
    await cloud.plan({"kind": "dies", "seconds": 5, "status": status})
    pod = await cloud.create()
    cloud.clock.advance(18 + 4)
    assert await health(cloud, pod["id"]) == 200
    cloud.clock.advance(1)
    shown = await cloud.http.get(f"/v2/pods/{pod['id']}")
    if status == "TERMINATED":
        assert shown.status_code == 404
        assert await health(cloud, pod["id"]) == 404
    else:
        assert shown.json()["status"] == status
        assert await health(cloud, pod["id"]) == 502
    account = await cloud.account(pod["id"])
    assert account["is_billed"] == (status in ("RUNNING", "ERROR"))
    if not account["is_billed"]:
        assert account["ended_by"] == "self-died"
        assert account["seconds"] == pytest.approx(18 + 5)


async def test_a_pod_dies_in_the_middle_of_a_prompt(cloud: Cloud) -> None:
    await cloud.plan({"kind": "dies", "when": "prompt", "seconds": 0.5})
    pod = await cloud.create_ready()
    base = f"/proxy/{pod['id']}/8001"
    body = {"prompt": GRAPH, "prompt_id": "p1"}
    reply = await cloud.http.post(f"{base}/prompt", json=body, headers=AS_CONTROLLER)
    assert reply.status_code == 200
    cloud.clock.advance(0.4)
    queue = (await cloud.http.get(f"{base}/queue", headers=AS_CONTROLLER)).json()
    assert [item[1] for item in queue["queue_running"]] == ["p1"]
    cloud.clock.advance(0.2)
    assert await cloud.status(pod["id"]) == "EXITED"
    assert (await cloud.http.get(f"{base}/queue", headers=AS_CONTROLLER)).status_code == 502
    runs = (await cloud.http.get("/simulator/runs")).json()["runs"]
    assert [(run["prompt_id"], run["outcome"]) for run in runs] == [("p1", "lost")]


async def test_pods_that_exist_can_be_killed_now(cloud: Cloud) -> None:
    victim, other = await cloud.create_ready(), await cloud.create_ready()
    await cloud.plan({"kind": "dies", "when": "now", "pod": victim["id"]})
    cloud.clock.advance(0)
    assert await cloud.status(victim["id"]) == "EXITED"
    assert await cloud.status(other["id"]) == "RUNNING"
    assert await cloud.fired("dies") == 1


async def test_everything_on_one_machine_dies(cloud: Cloud) -> None:
    pods = [await cloud.create_ready(dataCenterIds=["EU-RO-1"]) for _ in range(2)]
    known = (await cloud.http.get("/simulator/pods")).json()["pods"]
    machine = known[0]["machine"]
    await cloud.plan({"kind": "dies", "when": "now", "machine": machine, "count": None})
    cloud.clock.advance(0)
    assert [await cloud.status(pod["id"]) for pod in pods] == ["EXITED", "RUNNING"]


async def test_a_terminate_is_acknowledged_and_lost(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    await cloud.plan({"kind": "terminate_lost"})
    address = f"/v2/pods/{pod['id']}"
    assert (await cloud.http.delete(address)).status_code == 204
    assert await cloud.status(pod["id"]) == "RUNNING"
    assert await health(cloud, pod["id"]) == 200
    assert (await cloud.account(pod["id"]))["is_billed"]
    assert (await cloud.http.delete(address)).status_code == 204
    assert await cloud.listed() == []


@pytest.mark.parametrize("kind", ["lost_reply", "error_after"])
async def test_create_works_and_its_reply_does_not(cloud: Cloud, kind: str) -> None:
    await cloud.plan({"kind": kind, "route": "POST /v2/pods"})
    if kind == "lost_reply":
        with pytest.raises(ConnectionResetError):
            await cloud.http.post("/v2/pods", json=cloud.body())
    else:
        raw = httpx.AsyncClient(
            transport=httpx.ASGITransport(cloud.app),
            base_url="http://simulator",
            headers=cloud.http.headers,
        )
        async with raw:
            reply = await raw.post("/v2/pods", json=cloud.body())
        assert (reply.status_code, reply.json()["title"]) == (500, "Internal Server Error")
    pods = (await cloud.http.get("/v2/pods")).json()["pods"]
    assert [pod["name"] for pod in pods] == [cloud.body()["name"]]
    assert await cloud.fired(kind) == 1


async def test_a_terminates_reply_is_lost_but_it_is_done(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    await cloud.plan({"kind": "lost_reply", "route": "DELETE /v2/pods/*"})
    with pytest.raises(ConnectionResetError):
        await cloud.http.delete(f"/v2/pods/{pod['id']}")
    assert await cloud.listed() == []
    assert (await cloud.account(pod["id"]))["ended_by"] == "api"


async def test_a_connection_breaks_before_anything_is_done(cloud: Cloud) -> None:
    await cloud.plan({"kind": "reset", "route": "* /v2/*", "count": 2})
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await cloud.http.post("/v2/pods", json=cloud.body())
    assert await cloud.listed() == []


async def test_an_error_before_anything_is_done(cloud: Cloud) -> None:
    await cloud.plan({"kind": "server_error", "route": "POST /v2/pods", "status_code": 503})
    raw = httpx.AsyncClient(
        transport=httpx.ASGITransport(cloud.app),
        base_url="http://simulator",
        headers=cloud.http.headers,
    )
    async with raw:
        assert (await raw.post("/v2/pods", json=cloud.body())).status_code == 503
    assert await cloud.listed() == []


async def test_a_planned_429_tells_how_long_to_wait(cloud: Cloud) -> None:
    await cloud.plan({"kind": "rate_limited", "route": "GET /v2/pods", "seconds": 7})
    refused = await cloud.http.get("/v2/pods")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert (await cloud.http.get("/v2/pods")).status_code == 200


async def test_a_reply_is_slow(cloud: Cloud) -> None:
    await cloud.plan({"kind": "slow", "route": "GET /v2/pods", "seconds": 30})
    asked = asyncio.create_task(cloud.http.get("/v2/pods"))
    while not await cloud.fired("slow"):
        await asyncio.sleep(0)
    cloud.clock.advance(29)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not asked.done()
    cloud.clock.advance(1)
    assert (await asked).status_code == 200


async def test_the_bill_lags(cloud: Cloud) -> None:
    await cloud.create()
    cloud.clock.advance(5400)
    await cloud.plan({"kind": "billing_lag", "seconds": 3600, "count": 1})
    amounts = []
    for _ in range(2):
        told = (await cloud.http.get("/v2/billing/pods")).json()
        amounts.append(told["metadata"]["totals"]["gpuAmount"])
    assert amounts == [pytest.approx(0.22), pytest.approx(0.66)]


@pytest.mark.parametrize(
    "plan",
    [
        [],
        {"faults": {}},
        {"faults": [1]},
        {"faults": [{"kind": "earthquake"}]},
        {"faults": [{"kind": "listing_lag"}]},
        {"faults": [{"kind": "listing_lag", "seconds": "long"}]},
        {"faults": [{"kind": "listing_lag", "seconds": -1}]},
        {"faults": [{"kind": "no_capacity", "route": "GET /"}]},
        {"faults": [{"kind": "reset", "route": "everything"}]},
        {"faults": [{"kind": "dies", "when": "tomorrow"}]},
        {"faults": [{"kind": "dies", "status": "ASLEEP"}]},
        {"faults": [{"kind": "never_ready", "count": -1}]},
        {"faults": [{"kind": "host_too_old", "cuda": "new"}]},
        {"faults": [{"kind": "error_after", "route": "GET /v2/pods", "status_code": 404}]},
        {"more": []},
    ],
    ids=str,
)
async def test_a_plan_that_makes_no_sense_changes_nothing(cloud: Cloud, plan: object) -> None:
    await cloud.plan({"kind": "never_ready"})
    reply = await cloud.http.post("/simulator/faults", json=plan)
    assert (reply.status_code, set(reply.json())) == (400, {"error"})
    left = (await cloud.http.get("/simulator/faults")).json()["faults"]
    assert [fault["kind"] for fault in left] == ["never_ready"]

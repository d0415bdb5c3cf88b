"""Pods over REST v2: their shape, their states, what may be done when."""

import pytest

from tests.unit.runpod_simulator.conftest import GPU, Cloud

AT_REST = "RUNNING"


async def test_a_new_pod_is_shown_as_it_was_asked_for(cloud: Cloud) -> None:
    mounts = {"network": [{"volumeId": "models-eu", "path": "/workspace"}]}
    pod = await cloud.create(mounts=mounts, disk=40, args="--fast", registry="cred1")
    assert pod["gpu"] == {"id": GPU, "count": 1}
    assert (pod["status"], pod["actions"]) == ("PROVISIONING", ["stop", "terminate"])
    assert (pod["mounts"], pod["disk"], pod["args"]) == (mounts, 40, "--fast")
    assert (pod["registry"], pod["template"], pod["locked"]) == ("cred1", None, False)
    assert pod["dataCenterId"] == "EU-RO-1"
    assert pod["cost"] == 0.44
    assert pod["runtime"] is None
    assert pod["startedAt"] is None
    assert pod["ssh"]["direct"] is None
    assert await cloud.get(pod["id"]) == pod
    assert await cloud.listed() == [pod["id"]]


async def test_a_pod_boots_in_stages(cloud: Cloud) -> None:
    pod = await cloud.create()
    stages = []
    for _ in range(20):
        seen = await cloud.get(pod["id"])
        stages.append((seen["status"], seen["runtime"] is not None))
        cloud.clock.advance(1)
    assert stages[:10] == [("PROVISIONING", False)] * 10
    assert stages[10:15] == [("STARTING", False)] * 5
    assert stages[15:18] == [("RUNNING", False)] * 3
    assert stages[18:] == [("RUNNING", True)] * 2


async def test_a_running_pod_tells_how_long(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    cloud.clock.advance(100)
    seen = await cloud.get(pod["id"])
    assert seen["runtime"]["uptime"] == 60 - 18 + 100
    assert seen["startedAt"] > seen["createdAt"]


async def test_counts_multiply_the_rate(cloud: Cloud) -> None:
    pod = await cloud.create(gpu={"id": GPU, "count": 3})
    assert pod["cost"] == pytest.approx(3 * 0.44)


async def test_community_cloud_has_its_own_rate(cloud: Cloud) -> None:
    assert (await cloud.create(cloud="COMMUNITY"))["cost"] == 0.31


async def test_a_cpu_pod_has_no_gpu(cloud: Cloud) -> None:
    body = cloud.body(cpu={"id": "cpu3c", "vcpuCount": 4})
    del body["gpu"]
    reply = await cloud.http.post("/v2/pods", json=body)
    assert reply.status_code == 201
    assert reply.json()["cpu"] == {"id": "cpu3c", "vcpuCount": 4, "memory": 8}
    assert "gpu" not in reply.json()


@pytest.mark.parametrize(
    ("seconds", "status", "allowed"),
    [
        (0, "PROVISIONING", {"stop", "terminate"}),
        (12, "STARTING", {"stop", "terminate"}),
        (60, "RUNNING", {"stop", "restart", "terminate"}),
    ],
    ids=["provisioning", "starting", "running"],
)
async def test_only_what_the_state_allows_can_be_done(
    cloud: Cloud, seconds: float, status: str, allowed: set[str]
) -> None:
    for action in ("start", "stop", "restart", "terminate"):
        pod = await cloud.create(name=f"rk-{action}")
        cloud.clock.advance(seconds)
        seen = await cloud.get(pod["id"])
        assert (seen["status"], set(seen["actions"])) == (status, allowed)
        reply = await cloud.act(pod["id"], action)
        if action not in allowed:
            assert reply.status_code == 409
            assert await cloud.status(pod["id"]) == status
        elif action == "terminate":
            assert (reply.status_code, reply.content) == (204, b"")
        else:
            assert (reply.status_code, reply.json()["id"]) == (200, pod["id"])


async def test_a_stopped_pod_is_free_and_can_be_started_again(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    assert (await cloud.act(pod["id"], "stop")).json()["status"] == "EXITED"
    stopped = await cloud.get(pod["id"])
    assert (stopped["cost"], stopped["runtime"]) == (0.0, None)
    assert stopped["actions"] == ["start", "terminate"]
    for action in ("stop", "restart"):
        assert (await cloud.act(pod["id"], action)).status_code == 409
    assert (await cloud.act(pod["id"], "start")).json()["status"] == "PROVISIONING"
    cloud.clock.advance(60)
    assert await cloud.status(pod["id"]) == "RUNNING"


async def test_a_pod_stopped_while_booting_stays_stopped(cloud: Cloud) -> None:
    pod = await cloud.create()
    cloud.clock.advance(12)
    await cloud.act(pod["id"], "stop")
    cloud.clock.advance(3600)
    assert await cloud.status(pod["id"]) == "EXITED"


async def test_a_restart_goes_through_starting(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    assert (await cloud.act(pod["id"], "restart")).json()["status"] == "STARTING"
    cloud.clock.advance(60)
    assert (await cloud.get(pod["id"]))["runtime"]["uptime"] == 60 - 5 - 3


async def test_terminated_twice_is_204_then_404(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    address = f"/v2/pods/{pod['id']}"
    assert [(await cloud.http.delete(address)).status_code for _ in range(2)] == [204, 404]
    assert (await cloud.http.get(address)).status_code == 404
    assert (await cloud.act(pod["id"], "terminate")).status_code == 404
    assert await cloud.listed() == []


async def test_a_locked_pod_cannot_be_stopped(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    reply = await cloud.http.patch(f"/v2/pods/{pod['id']}", json={"locked": True, "name": "kept"})
    assert (reply.json()["locked"], reply.json()["name"]) == (True, "kept")
    for action in ("stop", "restart"):
        assert (await cloud.act(pod["id"], action)).status_code == 409
    await cloud.http.patch(f"/v2/pods/{pod['id']}", json={"locked": False})
    assert (await cloud.act(pod["id"], "stop")).status_code == 200


async def test_a_new_name_leaves_a_pod_running_and_a_new_image_restarts_it(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    address = f"/v2/pods/{pod['id']}"
    assert (await cloud.http.patch(address, json={"name": "b"})).json()["status"] == "RUNNING"
    changed = (await cloud.http.patch(address, json={"image": "other:2"})).json()
    assert (changed["status"], changed["image"]) == ("STARTING", "other:2")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"gpu": {"id": GPU}}, 422),
        ({"name": ""}, 422),
        ({"templateId": "nobodys"}, 404),
        ({"mounts": {"persistent": {"size": 20, "path": "/data"}}}, 400),
        ({"mounts": {"network": [{"volumeId": "another", "path": "/workspace"}]}}, 400),
        ({"mounts": {"network": []}}, 400),
        ({"ports": ["eight/http"]}, 400),
    ],
    ids=["unknown", "empty", "template", "kind", "volume", "cleared", "port"],
)
async def test_bad_changes_are_refused(cloud: Cloud, body: dict[str, object], status: int) -> None:
    mounts = {"network": [{"volumeId": "models-eu", "path": "/workspace"}]}
    pod = await cloud.create_ready(mounts=mounts)
    reply = await cloud.http.patch(f"/v2/pods/{pod['id']}", json=body)
    assert reply.status_code == status
    assert await cloud.get(pod["id"]) == pod


async def test_names_need_not_be_unique(cloud: Cloud) -> None:
    first, second = await cloud.create(), await cloud.create()
    assert first["name"] == second["name"]
    assert await cloud.listed() == [first["id"], second["id"]]


async def test_the_next_pod_comes_to_another_machine(cloud: Cloud) -> None:
    for _ in range(3):
        await cloud.create(dataCenterIds=["EU-RO-1"])
    pods = (await cloud.http.get("/simulator/pods")).json()["pods"]
    assert len({pod["machine"] for pod in pods}) == 3
    assert all(pod["machine"].startswith("eu-ro-1-rtx-4090-") for pod in pods)


async def test_a_port_on_the_machine_is_found_in_the_runtime(cloud: Cloud) -> None:
    plain = await cloud.create_ready()
    assert plain["runtime"]["ports"] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/pods/nobody", 404),
        ("DELETE", "/v2/pods/nobody", 404),
        ("POST", "/v2/pods/nobody/action", 404),
        ("GET", "/v2/nothing", 404),
        ("PUT", "/v2/pods", 405),
        ("GET", "/v2/pods?includeClusterPods=maybe", 422),
    ],
)
async def test_wrong_addresses_are_problems(
    cloud: Cloud, method: str, path: str, status: int
) -> None:
    reply = await cloud.http.request(method, path, json={})
    assert reply.status_code == reply.json()["status"] == status
    if status == 405:
        assert "POST" in reply.headers["Allow"]

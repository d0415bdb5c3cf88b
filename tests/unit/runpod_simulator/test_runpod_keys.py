"""Keys: the account's, a reader's, and the one inside a pod."""

import pytest

from simulators.runpod.options import PodKeyRights
from tests.unit.runpod_simulator.conftest import READ_ONLY_KEY, Cloud, MakeCloud

READER = {"Authorization": f"Bearer {READ_ONLY_KEY}"}
READS = [
    "/v2/pods",
    "/v2/catalog/gpus",
    "/v2/catalog/datacenters",
    "/v2/network-volumes",
    "/v2/billing/pods",
]


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic rpa_ACCOUNT", "rpa_ACCOUNT"],
)
async def test_no_valid_key_is_401(cloud: Cloud, header: str | None) -> None:
    del cloud.http.headers["Authorization"]
    headers = {} if header is None else {"Authorization": header}
    for path in (*READS, "/v2/pods/any", "/v2/nothing"):
        reply = await cloud.http.get(path, headers=headers)
        assert reply.status_code == 401
        assert "RateLimit" not in reply.headers


@pytest.mark.parametrize("path", READS)
async def test_a_reader_may_read(cloud: Cloud, path: str) -> None:
    assert (await cloud.http.get(path, headers=READER)).status_code == 200


async def test_a_reader_may_not_write(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    address, http = f"/v2/pods/{pod['id']}", cloud.http
    replies = [
        await http.post("/v2/pods", json=cloud.body(), headers=READER),
        await http.patch(address, json={"name": "b"}, headers=READER),
        await http.delete(address, headers=READER),
        await http.post(f"{address}/action", json={"action": "stop"}, headers=READER),
        await http.post("/v2/network-volumes", json={}, headers=READER),
    ]
    assert [reply.status_code for reply in replies] == [403] * 5
    assert await cloud.get(pod["id"]) == pod


async def test_a_pod_may_read_and_terminate_itself_and_nothing_else(cloud: Cloud) -> None:
    pod, other = await cloud.create_ready(), await cloud.create_ready()
    own, http = cloud.as_pod(pod["id"]), cloud.http
    for path in (*READS, f"/v2/pods/{other['id']}"):
        assert (await http.get(path, headers=own)).status_code == 403
    assert (await http.delete(f"/v2/pods/{other['id']}", headers=own)).status_code == 403
    address = f"/v2/pods/{pod['id']}"
    assert (await http.patch(address, json={"name": "b"}, headers=own)).status_code == 403
    assert (await http.get(address, headers=own)).json()["id"] == pod["id"]
    assert (await http.delete(address, headers=own)).status_code == 204
    assert (await http.get(address, headers=own)).status_code == 401
    assert (await cloud.account(pod["id"]))["ended_by"] == "dead-man"
    assert await cloud.listed() == [other["id"]]


async def test_a_pod_may_be_allowed_to_stop_itself_only(make_cloud: MakeCloud) -> None:
    cloud = await make_cloud(pod_key_may=PodKeyRights.STOP)
    pod = await cloud.create_ready()
    own, address = cloud.as_pod(pod["id"]), f"/v2/pods/{pod['id']}"
    assert (await cloud.http.delete(address, headers=own)).status_code == 403
    for action, status in (("terminate", 403), ("restart", 403), ("stop", 200)):
        body = {"action": action}
        reply = await cloud.http.post(f"{address}/action", json=body, headers=own)
        assert reply.status_code == status
    account = await cloud.account(pod["id"])
    assert (account["status"], account["ended_by"]) == ("EXITED", "dead-man")
    assert (await cloud.http.delete(address)).status_code == 204
    account = await cloud.account(pod["id"])
    assert (account["status"], account["ended_by"]) == ("TERMINATED", "dead-man")


async def test_rights_of_pods_can_be_changed_while_they_run(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    await cloud.http.post("/simulator/settings", json={"pod_key_may": "stop"})
    own = cloud.as_pod(pod["id"])
    reply = await cloud.http.delete(f"/v2/pods/{pod['id']}", headers=own)
    assert reply.status_code == 403


async def test_calls_are_counted_by_key(make_cloud: MakeCloud) -> None:
    cloud = await make_cloud(rates={"minute": 3, "hour": 5})
    seen = [await cloud.http.get("/v2/pods") for _ in range(4)]
    assert [reply.status_code for reply in seen] == [200, 200, 200, 429]
    assert seen[0].headers["RateLimit"].startswith('"minute";r=2;t=')
    assert seen[0].headers["RateLimit-Policy"] == '"minute";q=3;w=60, "hour";q=5;w=3600'
    assert "minute" in seen[3].json()["detail"]
    assert (await cloud.http.get("/v2/pods", headers=READER)).status_code == 200
    cloud.clock.advance(float(seen[3].headers["Retry-After"]))
    assert (await cloud.http.get("/v2/pods")).status_code == 200
    refused = await cloud.http.get("/v2/pods")
    assert refused.status_code == 429
    assert "hour" in refused.json()["detail"]

"""A light pod: the agent's health and ComfyUI's routes, one prompt at a time."""

from io import BytesIO
from itertools import pairwise
from typing import Any

import httpx
import pytest
from PIL import Image

from simulators.runpod.light.picture import SIDE, grey_png
from tests.unit.runpod_simulator.conftest import TOKEN, Cloud, MakeCloud

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {
        "class_type": "SaveImage",
        "inputs": {"images": ["1", 0], "filename_prefix": "jobs/x/1/out"},
    },
}
INFO = {"LoadImage": {"output_node": False}, "SaveImage": {"output_node": True}}


class LightPod:
    """A ready pod, spoken to as its controller does."""

    def __init__(self, cloud: Cloud, pod: dict[str, Any]) -> None:
        self.cloud = cloud
        self.id = str(pod["id"])

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"} | more.pop("headers", {})
        address = f"/proxy/{self.id}/8001{path}"
        return await self.cloud.http.request(method, address, headers=headers, **more)

    async def post_prompt(self, prompt_id: str, **more: Any) -> httpx.Response:
        body = {"prompt": GRAPH, "prompt_id": prompt_id, **more}
        return await self.ask("POST", "/prompt", json=body)

    async def queue(self) -> tuple[list[str], list[str]]:
        """Ids of the running and of the pending prompts."""
        told = (await self.ask("GET", "/queue")).json()
        running, pending = told["queue_running"], told["queue_pending"]
        return [item[1] for item in running], [item[1] for item in pending]

    async def history(self, prompt_id: str) -> dict[str, Any]:
        return dict((await self.ask("GET", f"/history/{prompt_id}")).json())


@pytest.fixture
async def pod(cloud: Cloud) -> LightPod:
    return LightPod(cloud, await cloud.create_ready())


async def test_health_is_open_and_tells_the_machine(pod: LightPod) -> None:
    reply = await pod.ask("GET", "/health", headers={"Authorization": ""})
    told = reply.json()
    assert reply.status_code == 200
    assert (told["status"], told["comfyui_available"]) == ("healthy", True)
    assert set(told) == {"status", "comfyui_available", "service", "version", "host"}
    machines = (await pod.cloud.http.get("/simulator/pods")).json()["pods"]
    assert told["host"] == machines[0]["machine"]


@pytest.mark.parametrize("header", ["", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/queue"), ("POST", "/prompt"), ("GET", "/view"), ("GET", "/object_info")],
)
async def test_everything_else_needs_the_pods_token(
    pod: LightPod, method: str, path: str, header: str
) -> None:
    reply = await pod.ask(method, path, headers={"Authorization": header}, json={})
    assert reply.status_code == 401


async def test_a_pod_without_a_token_lets_nobody_in(cloud: Cloud) -> None:
    bare = LightPod(cloud, await cloud.create_ready(env={}))
    assert (
        await bare.ask("GET", "/queue", headers={"Authorization": "Bearer "})
    ).status_code == 401


async def test_the_proxy_knows_when_nobody_listens(cloud: Cloud) -> None:
    pod = LightPod(cloud, await cloud.create())
    for seconds, status in ((0, 502), (12, 502), (4, 502), (4, 200)):
        cloud.clock.advance(seconds)
        assert (await pod.ask("GET", "/health")).status_code == status
    await cloud.act(pod.id, "stop")
    assert (await pod.ask("GET", "/health")).status_code == 502
    await cloud.http.delete(f"/v2/pods/{pod.id}")
    assert (await pod.ask("GET", "/health")).status_code == 404
    assert (await cloud.http.get("/proxy/nobody/8001/health")).status_code == 404


async def test_a_port_that_was_not_asked_for_is_closed(pod: LightPod) -> None:
    assert (await pod.cloud.http.get(f"/proxy/{pod.id}/8188/health")).status_code == 404


async def test_a_prompt_goes_from_queue_to_history(pod: LightPod) -> None:
    reply = await pod.post_prompt("p1", client_id="c1")
    assert reply.json() == {"prompt_id": "p1", "number": 0, "node_errors": {}}
    assert await pod.queue() == (["p1"], [])
    assert await pod.history("p1") == {}
    pod.cloud.clock.advance(0.99)
    assert await pod.queue() == (["p1"], [])
    pod.cloud.clock.advance(0.02)
    assert await pod.queue() == ([], [])
    entry = (await pod.history("p1"))["p1"]
    assert entry["status"]["status_str"] == "success"
    assert entry["status"]["completed"] is True
    kinds = [message[0] for message in entry["status"]["messages"]]
    assert kinds == ["execution_start", "execution_cached", "execution_success"]
    file = {"filename": "out_00001_.png", "subfolder": "jobs/x/1", "type": "output"}
    assert entry["outputs"] == {"2": {"images": [file]}}
    assert entry["prompt"][:2] == [0, "p1"]
    assert entry["prompt"][3:] == [{"client_id": "c1"}, ["2"]]
    picture = await pod.ask("GET", "/view", params=file)
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content == grey_png()


async def test_one_prompt_runs_at_a_time(pod: LightPod) -> None:
    for number in range(3):
        await pod.post_prompt(f"p{number}")
    assert await pod.queue() == (["p0"], ["p1", "p2"])
    told = (await pod.ask("GET", "/prompt")).json()
    assert told == {"exec_info": {"queue_remaining": 3}}
    pod.cloud.clock.advance(1.5)
    assert await pod.queue() == (["p1"], ["p2"])
    pod.cloud.clock.advance(2)
    runs = (await pod.cloud.http.get("/simulator/runs")).json()["runs"]
    starts = [run["started_at"] for run in runs]
    assert [run["outcome"] for run in runs] == ["success"] * 3
    assert [b - a for a, b in pairwise(starts)] == pytest.approx([1, 1])


async def test_the_same_prompt_id_runs_once(pod: LightPod) -> None:
    first = (await pod.post_prompt("p1")).json()
    assert (await pod.post_prompt("p1")).json() == first
    pod.cloud.clock.advance(2)
    assert (await pod.post_prompt("p1")).json() == first
    assert await pod.queue() == ([], [])
    assert len((await pod.cloud.http.get("/simulator/runs")).json()["runs"]) == 1


async def test_a_forgotten_prompt_can_run_again(pod: LightPod) -> None:
    await pod.post_prompt("p1")
    pod.cloud.clock.advance(2)
    assert (await pod.ask("POST", "/history", json={"delete": ["p1"]})).status_code == 200
    assert await pod.history("p1") == {}
    await pod.post_prompt("p1")
    assert await pod.queue() == (["p1"], [])


async def test_a_pending_prompt_is_deleted_without_a_trace(pod: LightPod) -> None:
    await pod.post_prompt("p1")
    await pod.post_prompt("p2")
    reply = await pod.ask("POST", "/queue", json={"delete": ["p1", "p2", "p3"]})
    assert (reply.status_code, reply.content) == (200, b"")
    assert await pod.queue() == (["p1"], [])
    assert await pod.history("p2") == {}


async def test_the_running_prompt_is_interrupted_by_its_id_alone(pod: LightPod) -> None:
    await pod.post_prompt("p1")
    await pod.post_prompt("p2")
    await pod.ask("POST", "/interrupt", json={"prompt_id": "p2"})
    assert await pod.queue() == (["p1"], ["p2"])
    await pod.ask("POST", "/interrupt", json={"prompt_id": "p1"})
    assert await pod.queue() == (["p2"], [])
    status = (await pod.history("p1"))["p1"]["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1][0] == "execution_interrupted"
    pod.cloud.clock.advance(1)
    assert (await pod.history("p2"))["p2"]["status"]["completed"] is True


async def test_prompts_take_as_long_as_a_control_route_says(pod: LightPod) -> None:
    await pod.cloud.http.post("/simulator/settings", json={"light_seconds": 30})
    await pod.post_prompt("p1")
    pod.cloud.clock.advance(29)
    assert await pod.queue() == (["p1"], [])
    pod.cloud.clock.advance(1)
    assert await pod.queue() == ([], [])


async def test_a_video_is_told_as_comfyui_tells_it(pod: LightPod) -> None:
    graph = {"4": {"class_type": "SaveVideo", "inputs": {"filename_prefix": "v"}}}
    await pod.post_prompt("p1", prompt=graph)
    pod.cloud.clock.advance(1)
    outputs = (await pod.history("p1"))["p1"]["outputs"]
    assert outputs["4"]["images"][0]["filename"] == "v_00001_.mp4"
    assert outputs["4"]["animated"] == [True]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "no_prompt"),
        ({"prompt": {"1": {"class_type": "Nothing", "inputs": {}}}}, "invalid_prompt"),
        ({"prompt": {"1": {"class_type": "LoadImage", "inputs": {}}}}, "prompt_no_outputs"),
    ],
    ids=["absent", "unknown", "no-outputs"],
)
async def test_graphs_are_held_against_the_catalogue(
    make_cloud: MakeCloud, body: dict[str, Any], kind: str
) -> None:
    cloud = await make_cloud(light_object_info=INFO)
    pod = LightPod(cloud, await cloud.create_ready())
    reply = await pod.ask("POST", "/prompt", json=body)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, kind)
    assert (await pod.post_prompt("p1")).status_code == 200


async def test_the_catalogue_is_the_given_one(make_cloud: MakeCloud) -> None:
    cloud = await make_cloud(light_object_info=INFO, light_result=b"a picture")
    pod = LightPod(cloud, await cloud.create_ready())
    assert (await pod.ask("GET", "/object_info")).json() == INFO
    one = await pod.ask("GET", "/api/object_info/SaveImage")
    assert one.json() == {"SaveImage": INFO["SaveImage"]}
    assert (await pod.ask("GET", "/object_info/Other")).json() == {}
    assert (await pod.ask("GET", "/view")).content == b"a picture"


async def test_the_rest_of_the_wire_is_there(pod: LightPod) -> None:
    assert (await pod.ask("GET", "/models/unet")).json() == []
    stats = (await pod.ask("GET", "/system_stats")).json()
    assert set(stats) == {"system", "devices"}
    upload = await pod.ask(
        "POST",
        "/upload/image",
        files={"image": ("a.png", grey_png())},
        data={"subfolder": "jobs/1", "overwrite": "true"},
    )
    assert upload.json() == {"name": "a.png", "subfolder": "jobs/1", "type": "input"}
    assert (await pod.ask("POST", "/upload/image", data={"a": "b"})).status_code == 400
    assert (await pod.ask("POST", "/prompt", content=b"{")).status_code == 500
    assert (await pod.ask("POST", "/free", json={"free_memory": True})).status_code == 200
    assert (await pod.ask("GET", "/nothing")).status_code == 404
    assert (await pod.ask("DELETE", "/queue")).status_code == 404


async def test_a_pod_that_goes_takes_its_prompts_along(pod: LightPod) -> None:
    await pod.post_prompt("p1")
    await pod.post_prompt("p2")
    await pod.cloud.act(pod.id, "stop")
    pod.cloud.clock.advance(10)
    runs = (await pod.cloud.http.get("/simulator/runs")).json()["runs"]
    assert [run["outcome"] for run in runs] == ["lost", "lost"]
    await pod.cloud.act(pod.id, "start")
    pod.cloud.clock.advance(60)
    assert await pod.queue() == ([], [])


def test_the_picture_is_one_that_decoders_take() -> None:
    with Image.open(BytesIO(grey_png())) as image:
        image.load()
        assert (image.size, image.mode, image.format) == ((SIDE, SIDE), "RGB", "PNG")

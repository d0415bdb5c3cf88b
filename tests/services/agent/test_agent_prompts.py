"""`POST /prompt` twice is one prompt, whatever happened in between."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest


async def test_a_repeat_gets_the_first_reply_and_runs_nothing(
    pod: Any, http: Any, prompt: Any
) -> None:
    prompt_id = str(uuid4())
    first = await http.post("/prompt", json=prompt(prompt_id))
    assert first.status_code == 200
    again = await http.post("/prompt", json=prompt(prompt_id))  # another graph: still the same id
    await pod.ended(prompt_id)
    at_last = await http.post("/prompt", json=prompt(prompt_id))
    assert again.content == at_last.content == first.content
    assert len(pod.runs(prompt_id)) == 1


async def test_many_at_once_are_one(pod: Any, http: Any, prompt: Any) -> None:
    prompt_id = str(uuid4())
    body = prompt(prompt_id)
    replies = await asyncio.gather(*(http.post("/prompt", json=body) for _ in range(20)))
    assert {(r.status_code, r.content) for r in replies} == {(200, replies[0].content)}
    await pod.ended(prompt_id)
    assert len(pod.runs(prompt_id)) == 1


async def test_different_ids_do_not_wait_for_each_other(pod: Any, http: Any, prompt: Any) -> None:
    ids = [str(uuid4()) for _ in range(8)]
    await asyncio.gather(*(http.post("/prompt", json=prompt(i)) for i in ids))
    for prompt_id in ids:
        assert (await pod.ended(prompt_id))["status"]["status_str"] == "success"


@pytest.mark.parametrize("how", ["cancelled while it waited", "forgotten after it ran"])
async def test_what_is_over_is_not_begun_again(pod: Any, http: Any, prompt: Any, how: str) -> None:
    blocker, prompt_id = str(uuid4()), str(uuid4())
    if how.startswith("cancelled"):
        pod.hold("EmptyImage")
        await http.post("/prompt", json=prompt(blocker))
    body = prompt(prompt_id)
    first = await http.post("/prompt", json=body)
    if how.startswith("cancelled"):
        (await http.post("/queue", json={"delete": [prompt_id]})).raise_for_status()
        pod.hold()
        await pod.ended(blocker)
    else:
        await pod.ended(prompt_id)
        (await http.post("/history", json={"delete": [prompt_id]})).raise_for_status()
    again = await http.post("/prompt", json=body)
    assert (again.status_code, again.content) == (200, first.content)
    assert (await http.get("/queue")).json()["queue_pending"] == []
    assert len(pod.runs(prompt_id)) == 1


async def test_a_lost_reply_is_found_by_asking_again(pod: Any, http: Any, prompt: Any) -> None:
    pod.plan(faults=[{"kind": "lost_reply", "route": "POST /prompt"}])
    prompt_id = str(uuid4())
    body = prompt(prompt_id)
    lost = await http.post("/prompt", json=body)
    assert (lost.status_code, lost.json()["code"]) == (503, "comfy_unavailable")
    again = await http.post("/prompt", json=body)
    assert again.status_code == 200
    assert again.json()["prompt_id"] == prompt_id
    await pod.ended(prompt_id)
    assert len(pod.runs(prompt_id)) == 1


async def test_a_refused_graph_is_refused_each_time(http: Any) -> None:
    body = {"prompt": {"1": {"class_type": "No", "inputs": {}}}, "prompt_id": str(uuid4())}
    for _ in range(2):
        reply = await http.post("/prompt", json=body)
        assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_prompt")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"prompt": {}}',
        b'{"prompt": {}, "prompt_id": null}',
        b'{"prompt": {}, "prompt_id": 7}',
        b'{"prompt": {}, "prompt_id": "AB0C3C84-9D8C-4D5C-8D3C-0123456789AB"}',
        b'{"prompt": {}, "prompt_id": "{ab0c3c84-9d8c-4d5c-8d3c-0123456789ab}"}',
        b'{"prompt": {}, "prompt_id": "../../etc/passwd"}',
        b"[" * 100_000,
    ],
    ids=["empty", "text", "list", "absent", "null", "number", "upper", "braces", "path", "deep"],
)
async def test_an_id_that_is_no_canonical_uuid_is_a_400(http: Any, body: bytes) -> None:
    reply = await http.post("/prompt", content=body)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_prompt_id")
    assert reply.json()["node_errors"] == {}


async def test_a_new_agent_finds_what_an_old_one_posted(make_pod: Any, prompt: Any) -> None:
    pod = make_pod().start()
    prompt_id = str(uuid4())
    async with pod.http() as http:
        first = await http.post("/prompt", json=prompt(prompt_id))
        await pod.ended(prompt_id)
        pod.agent.kill()
        pod.start_agent()
        again = await http.post("/prompt", json=prompt(prompt_id))
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(pod.runs(prompt_id)) == 1


async def test_a_server_started_anew_takes_the_same_id_again(make_pod: Any, prompt: Any) -> None:
    """It has forgotten the prompt, so whoever asks for it has to be able to have it made."""
    pod = make_pod().start()
    prompt_id = str(uuid4())
    async with pod.http() as http:
        await http.post("/prompt", json=prompt(prompt_id))
        await pod.ended(prompt_id)
        pod.engine.kill()
        await pod.until_health_is("degraded")
        away = await http.post("/prompt", json=prompt(prompt_id))
        assert away.status_code == 503
        pod.start_engine()
        await pod.until_health_is("healthy")
        again = await http.post("/prompt", json=prompt(prompt_id))
        assert again.status_code == 200
        await pod.ended(prompt_id)
    assert len(pod.runs(prompt_id)) == 2

"""ComfyUI is ended when it has grown or hangs, and never while it works."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from rekindle.wiring.agent import open_agent
from worker.agent.gate import PromptGate
from worker.agent.process import ComfyProcess
from worker.agent.recycle import Limits, Recycler
from worker.agent.watch import ComfyWatch

Recycling = Callable[[Any, Limits], AbstractAsyncContextManager[None]]


@pytest.fixture
def recycling() -> Recycling:
    """A recycler over a real engine, in this process so that its limits can be small."""

    @asynccontextmanager
    async def recycle(pod: Any, limits: Limits) -> AsyncIterator[None]:
        async with open_agent(
            comfyui_url=pod.engine_url, api_url="", pod_id=None, api_key=None, timeout=30
        ) as ports:
            watch = ComfyWatch(ports.comfy, ports.relay)
            recycler = Recycler(
                comfy=ports.comfy,
                watch=watch,
                process=ComfyProcess(pod.pid_file, grace_seconds=5),
                gate=PromptGate(),
                limits=limits,
                look_seconds=0.05,
            )
            tasks = [asyncio.create_task(run()) for run in (watch.run, recycler.run)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    return recycle


async def is_gone(pod: Any) -> None:
    async with asyncio.timeout(60):
        while pod.engine.is_running:
            await asyncio.sleep(0.02)
    assert pod.engine.exit_code in (-15, -9)


async def until_running(pod: Any, prompt_id: str) -> None:
    async with asyncio.timeout(60):
        while [r["started_at"] for r in pod.runs(prompt_id)] in ([], [None]):
            await asyncio.sleep(0.02)


async def post(pod: Any, body: dict[str, Any]) -> None:
    async with pod.http() as http:
        reply = await http.post(f"{pod.engine_url}/prompt", json=body)
        reply.raise_for_status()


async def test_an_idle_server_that_has_grown_is_ended(
    make_pod: Any, prompt: Any, recycling: Recycling
) -> None:
    pod = make_pod()
    pod.start_engine()
    body = prompt(str(uuid4()))
    scaled: dict[str, Any] = {"image": ["1", 0], "upscale_method": "bilinear", "crop": "disabled"}
    scaled |= {"width": 4096, "height": 2048}  # 96 MB, kept in the cache of nodes
    body["prompt"]["3"] = {"class_type": "ImageScale", "inputs": scaled}
    body["prompt"]["2"]["inputs"]["images"] = ["3", 0]
    with capture_logs() as log:
        async with recycling(pod, Limits(50, 3600, rest_seconds=0)), asyncio.timeout(60):
            while not any(line["event"] == "comfy_accompanied" for line in log):
                await asyncio.sleep(0.02)
            assert pod.engine.is_running
            await post(pod, body)
            await is_gone(pod)


async def test_a_server_at_work_is_not_ended_for_its_size(
    make_pod: Any, prompt: Any, recycling: Recycling
) -> None:
    pod = make_pod()
    pod.start_engine()
    pod.hold("EmptyImage")
    prompt_id = str(uuid4())
    await post(pod, prompt(prompt_id))
    await until_running(pod, prompt_id)
    async with recycling(pod, Limits(-1_000_000, 3600, rest_seconds=0)):
        await asyncio.sleep(1)
        assert pod.engine.is_running
        pod.hold()
        await is_gone(pod)
    pod.start_engine()
    assert [r["outcome"] for r in pod.runs(prompt_id)] == ["success"]


async def test_a_hung_prompt_is_interrupted(
    make_pod: Any, prompt: Any, recycling: Recycling
) -> None:
    pod = make_pod()
    pod.start_engine()
    pod.plan(faults=[{"kind": "stall", "node": "EmptyImage"}])
    prompt_id = str(uuid4())
    await post(pod, prompt(prompt_id))
    async with recycling(pod, Limits(1_000_000, 0.5, interrupt_seconds=3600)):
        async with asyncio.timeout(60):
            while [r["outcome"] for r in pod.runs(prompt_id)] != ["interrupted"]:
                await asyncio.sleep(0.05)
        assert pod.engine.is_running


async def test_a_hung_prompt_that_no_interrupt_reaches_ends_the_server(
    make_pod: Any, prompt: Any, recycling: Recycling
) -> None:
    pod = make_pod()
    pod.start_engine()
    pod.plan(
        faults=[
            {"kind": "stall", "node": "EmptyImage"},
            {"kind": "reset", "route": "POST /interrupt", "count": 1000},
        ]
    )
    prompt_id = str(uuid4())
    await post(pod, prompt(prompt_id))
    async with recycling(pod, Limits(1_000_000, 0.5, interrupt_seconds=0.5)):
        await is_gone(pod)
    pod.start_engine()
    assert [r["outcome"] for r in pod.runs(prompt_id)] == ["lost"]

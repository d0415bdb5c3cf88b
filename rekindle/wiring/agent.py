"""The on-pod agent's ports."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.comfyui.relay import HttpComfyRelay
from rekindle.adapters.runpod.pod_self import RunPodSelf
from rekindle.ports.comfy import Comfy
from rekindle.ports.pod_self import PodSelf
from rekindle.ports.relay import ComfyRelay


@dataclass(frozen=True)
class AgentPorts:
    """What the on-pod agent needs from the world.

    Attributes:
        pod: None on a machine that is no rented pod.
    """

    comfy: Comfy
    relay: ComfyRelay
    pod: PodSelf | None


@asynccontextmanager
async def open_agent(
    *, comfyui_url: str, api_url: str, pod_id: str | None, api_key: str | None, timeout: float
) -> AsyncIterator[AgentPorts]:
    """The on-pod agent's ports for one event loop.

    Args:
        comfyui_url: the ComfyUI beside it.
        api_url: address of RunPod's REST API.
        pod_id: of this pod; without it, or without its key, there is no pod to end.
        api_key: the pod-scoped key.
        timeout: longest wait for ComfyUI, seconds.
    """
    async with AsyncExitStack() as stack:
        comfy = ComfyClient(comfyui_url, timeout=timeout)
        stack.push_async_callback(comfy.close)
        relay = HttpComfyRelay(comfyui_url, timeout=timeout)
        stack.push_async_callback(relay.close)
        pod = None
        if pod_id and api_key:
            pod = RunPodSelf(api_url=api_url, pod_id=pod_id, api_key=api_key)
            stack.push_async_callback(pod.close)
        yield AgentPorts(comfy, relay, pod)

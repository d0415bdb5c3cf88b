"""The pod proxy: ``/proxy/{pod}/{port}/...`` for ``https://{pod}-{port}.proxy.runpod.net/...``."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope, Send

from simulators.common.asgi import reply
from simulators.runpod.cloud.fleet import Fleet
from simulators.runpod.cloud.pod import Pod, Status
from simulators.runpod.light.wire import LightWire
from simulators.runpod.wire.forward import Forwarder

PREFIX = "/proxy/"


class PodProxy:
    """Leads requests into pods.

    Args:
        fleet: The pods.
        forwarder: Reaches pods that are processes.
        light: Answers for pods that are none; None when pods are processes.
    """

    def __init__(self, fleet: Fleet, forwarder: Forwarder, light: LightWire | None) -> None:
        self._fleet = fleet
        self._forwarder = forwarder
        self._light = light

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        pod_id, _, rest = scope["path"][len(PREFIX) :].partition("/")
        port, slash, path = rest.partition("/")
        pod = self._fleet.find(pod_id)
        path = slash + path or "/"
        if pod is None or pod.status is Status.TERMINATED or f"{port}/http" not in _open(pod):
            await refuse(scope, receive, send, 404)
        elif not pod.answers:
            await refuse(scope, receive, send, 502)
        elif scope["type"] == "websocket":
            await self._websocket(pod, port, path, scope, receive, send)
        else:
            status = await self._http(pod, port, path, scope, receive, send)
            if status == 200 and scope["method"] == "POST" and path.endswith("/prompt"):
                self._fleet.lifecycle.die_if_planned(pod, "prompt")

    async def _http(
        self, pod: Pod, port: str, path: str, scope: Scope, receive: Receive, send: Send
    ) -> int:
        if self._light is not None:
            return await self._light.http(pod, path, scope, receive, send)
        local = pod.ports[f"{port}/http"]
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        host = f"{pod.id}-{port}.proxy.runpod.net"
        await self._forwarder.http(local, host, scope, receive, send_and_note)
        return status

    async def _websocket(
        self, pod: Pod, port: str, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if self._light is not None:
            await self._light.websocket(pod, path, scope, receive, send)
        else:
            local = pod.ports[f"{port}/http"]
            await self._forwarder.websocket(local, scope, receive, send)


def _open(pod: Pod) -> list[str]:
    ports: list[str] = pod.spec["ports"]
    return ports


async def refuse(scope: Scope, receive: Receive, send: Send, status: int) -> None:
    """Answer a request or the opening of a websocket with an error page."""
    body = f"<html><body>error {status}</body></html>".encode()
    if scope["type"] == "http":
        await reply(send, status, body, b"text/html")
        return
    await receive()
    start = {
        "type": "websocket.http.response.start",
        "status": status,
        "headers": [(b"content-type", b"text/html")],
    }
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})

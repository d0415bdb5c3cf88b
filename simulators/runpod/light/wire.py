"""The wire of a light pod: the agent's health, and ComfyUI's routes behind a token.

Plain ASGI: hundreds of pods are polled through here.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from simulators.common.asgi import json_bytes, read_body, reply
from simulators.runpod.cloud.pod import Pod
from simulators.runpod.light.engine import LightEngine, Socket
from simulators.runpod.light.picture import grey_png
from simulators.runpod.options import Options

SERVICE = "runpod-simulator-light"
VERSION = "1"

_Handler = Callable[[LightEngine, Scope, Receive], Awaitable[tuple[int, bytes]]]
_OK: tuple[int, bytes] = (200, b"")


class LightWire:
    """Answers for every light pod.

    Args:
        options: The token's variable, node classes, the picture.
    """

    def __init__(self, options: Options) -> None:
        self._token_env = options.light_token_env
        self._object_info: Mapping[str, Any] = options.light_object_info
        self._object_info_bytes = json_bytes(options.light_object_info)
        self._picture = options.light_result or grey_png()
        self._routes: dict[str, _Handler] = {
            "GET /queue": _get_queue,
            "POST /queue": _post_queue,
            "GET /prompt": _get_prompt,
            "POST /prompt": _post_prompt,
            "POST /history": _post_history,
            "GET /history": _get_whole_history,
            "POST /interrupt": _interrupt,
            "POST /free": _nothing,
            "POST /upload/image": _upload,
            "GET /system_stats": _system_stats,
            "GET /object_info": self._get_object_info,
            "GET /models": _models,
            "GET /features": _features,
        }

    async def http(self, pod: Pod, path: str, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer a request to a pod; returns the status."""
        if path == "/health":
            status, body = 200, _health(pod)
        elif not self._is_allowed(pod, scope):
            status, body = 401, json_bytes({"detail": "missing or wrong token"})
        elif path == "/view":
            await reply(send, 200, self._picture, b"image/png")
            return 200
        else:
            status, body = await self._answer(pod, path.removeprefix("/api"), scope, receive)
        await reply(send, status, body)
        return status

    async def websocket(
        self, pod: Pod, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a socket of a pod until it closes."""
        await receive()
        engine = pod.workload
        is_known = path.removeprefix("/api") == "/ws" and isinstance(engine, LightEngine)
        if not isinstance(engine, LightEngine) or not is_known or not self._is_allowed(pod, scope):
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        asked = parse_qs(scope["query_string"].decode())
        client_id = asked.get("clientId", [uuid.uuid4().hex])[0]
        socket = engine.attach(client_id)
        sender = asyncio.create_task(_send_all(socket, send))
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            engine.detach(client_id, socket)
            sender.cancel()

    def _is_allowed(self, pod: Pod, scope: Scope) -> bool:
        token = pod.spec["env"].get(self._token_env, "")
        wanted = f"Bearer {token}".encode()
        given = next((v for k, v in scope["headers"] if k == b"authorization"), b"")
        return bool(token) and hmac.compare_digest(wanted, given)

    async def _answer(
        self, pod: Pod, path: str, scope: Scope, receive: Receive
    ) -> tuple[int, bytes]:
        engine = pod.workload
        assert isinstance(engine, LightEngine)  # noqa: S101  the caller looked
        handler = self._routes.get(f"{scope['method']} {path}")
        if handler is not None:
            try:
                return await handler(engine, scope, receive)
            except (ValueError, MultiPartException):
                return 500, b"500 Internal Server Error"  # what ComfyUI says to a broken body
        if scope["method"] == "GET":
            folder, _, rest = path[1:].partition("/")
            if folder == "history":
                prompt = engine.history.get(rest)
                return 200, json_bytes({} if prompt is None else {rest: prompt.entry()})
            if folder == "models":
                return 200, b"[]"
            if folder == "object_info":
                known = self._object_info.get(rest)
                return 200, json_bytes({} if known is None else {rest: known})
        return 404, b"404: Not Found"

    async def _get_object_info(self, *_: object) -> tuple[int, bytes]:
        return 200, self._object_info_bytes


async def _send_all(socket: Socket, send: Send) -> None:
    while (text := await socket.get()) is not None:
        await send({"type": "websocket.send", "text": text})
    await send({"type": "websocket.close", "code": 1011})


def _health(pod: Pod) -> bytes:
    told = {
        "status": "healthy",
        "comfyui_available": True,
        "service": SERVICE,
        "version": VERSION,
        "host": pod.machine.name,
    }
    return json_bytes(told)


async def _body(receive: Receive) -> dict[str, Any]:
    read = json.loads(await read_body(receive))
    if not isinstance(read, dict):
        raise ValueError("not an object")
    return read


async def _get_queue(engine: LightEngine, *_: object) -> tuple[int, bytes]:
    running = [] if engine.running is None else [engine.running.item()]
    pending = [prompt.item() for prompt in engine.pending]
    return 200, json_bytes({"queue_running": running, "queue_pending": pending})


async def _post_queue(engine: LightEngine, _: Scope, receive: Receive) -> tuple[int, bytes]:
    body = await _body(receive)
    doomed = [p.id for p in engine.pending] if body.get("clear") else body.get("delete", [])
    for prompt_id in doomed:
        engine.delete(str(prompt_id))
    return _OK


async def _get_prompt(engine: LightEngine, *_: object) -> tuple[int, bytes]:
    return 200, json_bytes({"exec_info": {"queue_remaining": engine.remaining()}})


async def _post_prompt(engine: LightEngine, _: Scope, receive: Receive) -> tuple[int, bytes]:
    status, told = engine.submit(await _body(receive))
    return status, json_bytes(told)


async def _get_whole_history(engine: LightEngine, *_: object) -> tuple[int, bytes]:
    return 200, json_bytes({key: prompt.entry() for key, prompt in engine.history.items()})


async def _post_history(engine: LightEngine, _: Scope, receive: Receive) -> tuple[int, bytes]:
    body = await _body(receive)
    for prompt_id in list(engine.history) if body.get("clear") else body.get("delete", []):
        engine.forget(str(prompt_id))
    return _OK


async def _interrupt(engine: LightEngine, _: Scope, receive: Receive) -> tuple[int, bytes]:
    raw = await read_body(receive)
    asked = json.loads(raw) if raw else {}
    engine.interrupt(asked.get("prompt_id"))
    return _OK


async def _nothing(_: LightEngine, __: Scope, receive: Receive) -> tuple[int, bytes]:
    await read_body(receive)
    return _OK


async def _upload(_: LightEngine, scope: Scope, receive: Receive) -> tuple[int, bytes]:
    async with Request(scope, receive).form() as form:
        image = form.get("image")
        if image is None:
            return 400, b""
        if isinstance(image, str):
            raise ValueError("image is a text field")
        told = {
            "name": image.filename,
            "subfolder": form.get("subfolder", ""),
            "type": form.get("type", "input"),
        }
    return 200, json_bytes(told)


async def _system_stats(*_: object) -> tuple[int, bytes]:
    memory = 24 * 1024**3
    device = {
        "name": "cuda:0 (simulated)",
        "type": "cuda",
        "index": 0,
        "vram_total": memory,
        "vram_free": memory,
        "torch_vram_total": memory,
        "torch_vram_free": memory,
    }
    system = {
        "os": "posix",
        "ram_total": memory,
        "ram_free": memory,
        "comfyui_version": "0.3.64",
        "python_version": "none (simulated)",
        "pytorch_version": "none (simulated)",
        "embedded_python": False,
        "argv": [SERVICE],
    }
    return 200, json_bytes({"system": system, "devices": [device]})


async def _models(*_: object) -> tuple[int, bytes]:
    return 200, json_bytes(["checkpoints", "loras", "text_encoders", "unet", "vae"])


async def _features(*_: object) -> tuple[int, bytes]:
    return 200, json_bytes({"supports_preview_metadata": True, "max_upload_size": 104857600})

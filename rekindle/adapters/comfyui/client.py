"""The HTTP half of the wire."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from rekindle.adapters.comfyui import wire
from rekindle.adapters.comfyui.again import again
from rekindle.adapters.comfyui.progress import SocketListener, open_socket
from rekindle.errors import ComfyUnavailable, GraphRejected, PodGone, ResultUnreadable
from rekindle.ports.comfy import (
    Graph,
    OutputFile,
    PromptStatus,
    QueueState,
    Whereabouts,
)

_CHUNK = 1 << 18


class ComfyClient:
    """One ComfyUI server (`ports.comfy.Comfy`)."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Prepare a client; nothing is requested yet.

        Args:
            url: base address, for example `http://127.0.0.1:8188`.
            token: bearer token, when something in front of the server asks for one.
            timeout: longest wait for one reply, seconds.
            http: another HTTP client, for tests; its base address must be `url`.
        """
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        self._http = http or httpx.AsyncClient(
            base_url=self._url,
            headers=self._headers,
            timeout=httpx.Timeout(timeout, connect=5.0),
        )

    async def check(self) -> None:
        """See `Comfy.check`."""
        await self.system_stats()

    async def system_stats(self) -> dict[str, Any]:
        """Version, machine and devices of the server, as the wire has it."""
        return dict(await self._get("/system_stats"))

    async def queue(self) -> QueueState:
        """See `Comfy.queue`."""
        return wire.queue_state(await self._get("/queue"))

    async def queued_prompts(self) -> tuple[wire.QueuedPrompt, ...]:
        """Everybody's prompts on the server, in the order in which they run."""
        return wire.queued_prompts(await self._get("/queue"))

    async def history(self, prompt_id: str) -> dict[str, Any] | None:
        """The history entry of a prompt as the wire has it.

        None while it waits or runs, and for an unknown one.
        """
        reply = await self._get(f"/history/{quote(prompt_id, safe='')}")
        entry = reply.get(prompt_id)
        return None if entry is None else dict(entry)

    async def object_info(self) -> dict[str, Any]:
        """Every node class the server offers, with its inputs, as the wire has it."""
        return dict(await self._get("/object_info"))

    async def models(self, folder: str) -> list[str]:
        """The files in one of the server's model folders."""
        return list(await self._get(f"/models/{folder}"))

    async def models_by_folder(self, folders: Iterable[str]) -> dict[str, list[str]]:
        """The files in those of the folders that the server knows."""
        known = set(await self._get("/models"))
        return {folder: await self.models(folder) for folder in sorted({*folders} & known)}

    async def upload(self, photo: Path, *, folder: str, name: str) -> str:
        """See `Comfy.upload`."""
        return await again("upload", lambda: self._upload(photo, folder, name))

    async def _upload(self, photo: Path, folder: str, name: str) -> str:
        with photo.open("rb") as file:
            reply = await self._post(
                "/upload/image",
                files={"image": (name, file, "image/png")},
                data={"subfolder": folder, "overwrite": "true", "type": "input"},
            )
        stored = reply.json()
        return "/".join(part for part in (stored["subfolder"], stored["name"]) if part)

    async def status(self, prompt_id: UUID, *, has_ended: bool = False) -> PromptStatus:
        """See `Comfy.status`."""
        if has_ended and (ended := await self.history(str(prompt_id))) is not None:
            return PromptStatus(Whereabouts.ENDED, wire.prompt_end(ended))
        queue = await self.queue()
        if str(prompt_id) in queue.running:
            return PromptStatus(Whereabouts.RUNNING)
        if str(prompt_id) in queue.pending:
            return PromptStatus(Whereabouts.PENDING)
        # History is empty for unknown and running alike, so it only counts after the queue.
        entry = await self.history(str(prompt_id))
        if entry is None:
            return PromptStatus(Whereabouts.UNKNOWN)
        return PromptStatus(Whereabouts.ENDED, wire.prompt_end(entry))

    async def submit(self, prompt_id: UUID, graph: Graph, *, client_id: str) -> None:
        """See `Comfy.submit`."""
        body = {"prompt": graph, "prompt_id": str(prompt_id), "client_id": client_id}
        reply = await self._send("POST", "/prompt", json=body)
        if reply.status_code in (400, 413):
            raise wire.rejection(reply.text)
        self._demand_success(reply)
        if reply.json().get("node_errors"):
            # One valid branch is enough for a 200; the broken ones would be dropped in silence.
            with contextlib.suppress(ComfyUnavailable, PodGone):
                await self.cancel(prompt_id)
            raise wire.rejection(reply.text)
        if reply.json()["prompt_id"] != str(prompt_id):
            raise GraphRejected("the server did not keep the prompt's id")

    @asynccontextmanager
    async def listen(self, client_id: str) -> AsyncIterator[SocketListener]:
        """See `Comfy.listen`."""
        async with open_socket(self._url, client_id, self._headers) as socket:
            yield SocketListener(socket)

    async def cancel(self, prompt_id: UUID) -> None:
        """See `Comfy.cancel`."""
        await again("cancel", lambda: self._cancel(str(prompt_id)))

    async def _cancel(self, prompt_id: str) -> None:
        # Waiting first, running second: a prompt moves only that way.
        await self._post("/queue", json={"delete": [prompt_id]})
        await self._post("/interrupt", json={"prompt_id": prompt_id})

    async def fetch(self, file: OutputFile, target: Path) -> None:
        """See `Comfy.fetch`."""
        await again("fetch", lambda: self._fetch(file, target))

    async def _fetch(self, file: OutputFile, target: Path) -> None:
        params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.kind}
        try:
            async with self._http.stream("GET", "/view", params=params) as reply:
                if reply.status_code == httpx.codes.NOT_FOUND:
                    raise ResultUnreadable("the server no longer has the file")
                self._demand_success(reply)
                with target.open("wb") as sink:
                    async for chunk in reply.aiter_bytes(_CHUNK):
                        sink.write(chunk)
                    size = sink.tell()
        except httpx.TransportError as error:
            raise ComfyUnavailable(repr(error)) from error
        if size == 0:
            raise ResultUnreadable("the server sent an empty file")

    async def forget(self, prompt_id: UUID) -> None:
        """See `Comfy.forget`."""
        await self._post("/history", json={"delete": [str(prompt_id)]})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _get(self, path: str) -> Any:
        reply = await self._send("GET", path)
        self._demand_success(reply)
        try:
            return reply.json()
        except ValueError as error:  # a proxy's page, or no ComfyUI at all
            raise ComfyUnavailable(f"{path}: the answer is not JSON") from error

    async def _post(self, path: str, **kwargs: Any) -> httpx.Response:
        reply = await self._send("POST", path, **kwargs)
        self._demand_success(reply)
        return reply

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **kwargs)
        except httpx.TransportError as error:
            raise ComfyUnavailable(repr(error)) from error

    @staticmethod
    def _demand_success(reply: httpx.Response) -> None:
        if reply.status_code in (401, 403, 404):
            raise PodGone(f"{reply.request.url.path}: HTTP {reply.status_code}")
        if not reply.is_success:
            raise ComfyUnavailable(f"{reply.request.url.path}: HTTP {reply.status_code}")

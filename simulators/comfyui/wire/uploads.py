"""POST /upload/image."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from simulators.comfyui.folders import Folders
from simulators.comfyui.wire.replies import empty_reply, json_reply


class UploadRoutes:
    """Handlers over the folders of one engine."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    async def image(self, request: Request) -> Response:
        """Store a file; its content is never looked at."""
        async with request.form() as form:
            upload = form.get("image")
            data = await upload.read() if isinstance(upload, UploadFile) else b""
            return self._store(form, data)

    def _store(self, form: FormData, data: bytes) -> Response:
        kind = str(form.get("type", "input"))
        folder = str(self._folders.by_type(kind) or _unknown(kind))
        upload = form.get("image")
        if not upload:
            return empty_reply(400)
        if not isinstance(upload, UploadFile):
            raise TypeError("the image came as a text field")
        if not upload.filename:
            return empty_reply(400)
        # aiohttp takes leading slashes away, so an absolute name lands below the folder.
        name, subfolder = upload.filename.lstrip("/"), str(form.get("subfolder", ""))
        target = os.path.join(folder, os.path.normpath(subfolder))
        path = os.path.abspath(os.path.join(target, name))
        if os.path.commonpath((folder, path)) != folder:
            return empty_reply(400)
        os.makedirs(target, exist_ok=True)
        if form.get("overwrite") in ("true", "1"):
            Path(path).write_bytes(data)
        else:
            name = _store_beside(target, name, data)
        return json_reply({"name": name, "subfolder": subfolder, "type": kind})


def _unknown(kind: str) -> str:
    raise ValueError(f"no folder of type {kind}")


def _store_beside(folder: str, name: str, data: bytes) -> str:
    """Write under the first free name, unless a taken one already holds the same bytes."""
    stem, extension = os.path.splitext(name)
    digest = hashlib.sha256(data).digest()
    number = 0
    while (path := Path(folder, name)).exists():
        if hashlib.sha256(path.read_bytes()).digest() == digest:
            return name
        number += 1
        name = f"{stem} ({number}){extension}"
    path.write_bytes(data)
    return name

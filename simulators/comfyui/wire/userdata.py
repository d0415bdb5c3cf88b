"""Routes of the frontend's own business: users, settings, user files, logs, listings."""

from __future__ import annotations

import collections
import json
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from simulators.comfyui.engine.engine import Engine
from simulators.comfyui.wire.replies import empty_reply, json_reply, read_json, text_reply

_SETTINGS = "comfy.settings.json"


class LogTail(logging.Handler):
    """Keeps the latest log lines for GET /internal/logs."""

    def __init__(self, length: int = 300) -> None:
        super().__init__()
        self.lines: collections.deque[tuple[str, str]] = collections.deque(maxlen=length)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append((datetime.now().isoformat(), f"{self.format(record)}\n"))


class UserRoutes:
    """Handlers over the files of the one default user."""

    def __init__(self, engine: Engine, logs: LogTail) -> None:
        self._folders = engine.folders
        self._shelf = engine.shelf
        self._root = engine.folders.user / "default"
        self._logs = logs

    async def users(self, _: Request) -> Response:
        """There is one user."""
        return json_reply({"storage": "server", "migrated": self._root.exists()})

    async def get_settings(self, _: Request) -> Response:
        """All settings."""
        return json_reply(self._settings())

    async def get_setting(self, request: Request) -> Response:
        """One setting, or null."""
        return json_reply(self._settings().get(request.path_params["id"]))

    async def post_settings(self, request: Request) -> Response:
        """Merge settings."""
        self._save(self._settings() | await read_json(request))
        return empty_reply()

    async def post_setting(self, request: Request) -> Response:
        """Set one setting."""
        self._save(self._settings() | {request.path_params["id"]: await read_json(request)})
        return empty_reply()

    def _settings(self) -> dict[str, Any]:
        path = self._root / _SETTINGS
        found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        return found

    def _save(self, settings: dict[str, Any]) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        (self._root / _SETTINGS).write_text(json.dumps(settings, indent=4))

    def _path(self, name: str) -> Path | None:
        """Absolute path of a user file; None outside the user's folder."""
        path = os.path.abspath(self._root / unquote(name))
        inside = os.path.commonpath((str(self._root), path)) == str(self._root)
        return Path(path) if inside else None

    async def list_files(self, request: Request) -> Response:
        """Names of the files in a folder."""
        asked = request.query_params
        if not asked.get("dir"):
            return text_reply("Directory not provided", 400)
        folder = self._path(asked["dir"])
        if folder is None:
            return text_reply("Invalid directory", 403)
        if not folder.exists():
            return text_reply("Directory not found", 404)
        recurse = asked.get("recurse", "").lower() == "true"
        entries = folder.rglob("*") if recurse else folder.glob("*")
        found = [path for path in entries if path.is_file()]
        if asked.get("full_info", "").lower() == "true":
            return json_reply([_file_info(path, folder) for path in found])
        names = [path.relative_to(folder).as_posix() for path in found]
        if asked.get("split", "").lower() == "true":
            return json_reply([[name, *name.split("/")] for name in names])
        return json_reply(names)

    async def get_file(self, request: Request) -> Response:
        """One file."""
        path = self._path(request.path_params["file"])
        if path is None:
            return empty_reply(403)
        return FileResponse(path) if path.is_file() else empty_reply(404)

    async def post_file(self, request: Request) -> Response:
        """Write one file."""
        path = self._path(request.path_params["file"])
        if path is None:
            return empty_reply(403)
        if request.query_params.get("overwrite") == "false" and path.exists():
            return text_reply("File already exists", 409)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await request.body())
        return self._written(request, path)

    async def delete_file(self, request: Request) -> Response:
        """Delete one file."""
        path = self._path(request.path_params["file"])
        if path is None or not path.exists():
            return empty_reply(403 if path is None else 404)
        path.unlink()
        return empty_reply(204)

    async def move_file(self, request: Request) -> Response:
        """Rename one file."""
        source = self._path(request.path_params["file"])
        target = self._path(request.path_params["dest"])
        if source is None or target is None:
            return empty_reply(403)
        if not source.exists():
            return empty_reply(404)
        if request.query_params.get("overwrite") == "false" and target.exists():
            return text_reply("File already exists", 409)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        return self._written(request, target)

    def _written(self, request: Request, path: Path) -> Response:
        if request.query_params.get("full_info", "").lower() == "true":
            return json_reply(_file_info(path, self._root))
        return json_reply(path.relative_to(self._root).as_posix())

    async def logs(self, _: Request) -> Response:
        """The latest log lines as one text."""
        return json_reply("".join(f"{when} - {line}" for when, line in self._logs.lines))

    async def raw_logs(self, _: Request) -> Response:
        """The latest log lines one by one."""
        entries = [{"t": when, "m": line} for when, line in self._logs.lines]
        return json_reply({"entries": entries, "size": {"cols": 80, "rows": 24}})

    async def folder_paths(self, _: Request) -> Response:
        """Directories of the model folders."""
        return json_reply({n: self._shelf.directories(n) for n in self._shelf.folder_names()})

    async def list_folder(self, request: Request) -> Response:
        """Files directly in input, output or temp, newest first."""
        folder = self._folders.by_type(request.path_params["directory_type"])
        if folder is None:
            return json_reply({"error": "Invalid directory type"}, 400)
        files = [entry for entry in os.scandir(folder) if entry.is_file()]
        files.sort(key=lambda entry: -entry.stat().st_mtime)
        return json_reply([entry.name for entry in files])


def _file_info(path: Path, root: Path) -> dict[str, Any]:
    state = path.stat()
    return {
        "path": path.relative_to(root).as_posix(),
        "size": state.st_size,
        "modified": state.st_mtime,
        "created": state.st_ctime,
    }

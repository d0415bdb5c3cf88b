"""GET /view: stored files, whole, in ranges, as previews or by channel."""

from __future__ import annotations

import io
import mimetypes
import os
import re
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from simulators.comfyui.folders import Folders
from simulators.comfyui.wire.replies import empty_reply

if TYPE_CHECKING:
    from PIL import Image

# Types a browser would run; ComfyUI 0.3.64 hands them out as bytes, and forgets SVG.
_ACTIVE = {
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "text/css",
}


class ViewRoutes:
    """Handlers over the folders of one engine."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    async def view(self, request: Request) -> Response:
        """Hand a file out."""
        return self._answer(request, request.query_params)

    def _answer(self, request: Request, asked: QueryParams) -> Response:
        if "filename" not in asked:
            return empty_reply(404)
        found = self._find(asked)
        if isinstance(found, int):
            return empty_reply(found)
        if not os.path.isfile(found):
            return empty_reply(404)
        if "preview" in asked:
            return _preview(found, asked)
        channel = asked.get("channel", "rgba")
        if channel in ("rgb", "a"):
            return _one_channel(found, channel)
        return _whole(request, found)

    def _find(self, asked: QueryParams) -> str | int:
        """Path of the asked file, or the status that refuses it."""
        name, folder = self._folders.split_annotation(asked["filename"])
        if not name or name.startswith("/") or ".." in name:
            return 400
        folder = folder or self._folders.by_type(asked.get("type", "output"))
        if folder is None:
            return 400
        inner = os.path.abspath(os.path.join(folder, asked.get("subfolder", "")))
        if os.path.commonpath((inner, str(folder))) != str(folder):
            return 403
        return os.path.join(inner, os.path.basename(name))


def _disposition(path: str) -> dict[str, str]:
    return {"Content-Disposition": f'filename="{os.path.basename(path)}"'}


def _whole(request: Request, path: str) -> Response:
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if path.endswith(".webp"):
        kind = "image/webp"
    if kind in _ACTIVE:
        kind = "application/octet-stream"
    state = os.stat(path)
    tag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
    headers = _disposition(path) | {"ETag": tag}
    if tag in [t.strip() for t in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range")
    if asked is not None and not _is_satisfiable(asked, state.st_size):
        refused = headers | {"Content-Range": f"bytes */{state.st_size}"}
        return Response(b"", 416, refused, media_type=kind)
    return FileResponse(path, headers=headers, media_type=kind, stat_result=state)


def _is_satisfiable(asked: str, length: int) -> bool:
    """Whether a Range header asks for one range that begins inside the file."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if match is None or match.group(0) == "bytes=-":
        return False
    first, last = match.groups()
    if not first:
        return int(last) > 0
    return int(first) < length and (not last or int(first) <= int(last))


def _preview(path: str, asked: QueryParams) -> Response:
    from PIL import Image

    words = asked["preview"].split(";")
    channel = asked.get("channel", "")
    kind = words[0] if words[0] in ("webp", "jpeg") and "a" not in channel else "webp"
    quality = int(words[-1]) if words[-1].isdigit() else 90
    with Image.open(path) as picture:
        shown: Image.Image = picture
        if kind == "jpeg" or channel == "rgb":
            shown = picture.convert("RGB")
        return _picture(shown, path, kind, quality=quality)


def _one_channel(path: str, channel: str) -> Response:
    from PIL import Image

    with Image.open(path) as picture:
        if channel == "rgb":
            return _picture(picture.convert("RGB"), path, "png")
        opaque = Image.new("L", picture.size, 255)
        alpha = picture.getchannel("A") if picture.mode == "RGBA" else opaque
        shown = Image.new("RGBA", picture.size)
        shown.putalpha(alpha)
        return _picture(shown, path, "png")


def _picture(picture: Image.Image, path: str, kind: str, **options: int) -> Response:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return Response(buffer.getvalue(), 200, _disposition(path), media_type=f"image/{kind}")

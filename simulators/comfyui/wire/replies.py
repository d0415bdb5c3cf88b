"""Replies with the headers and texts that aiohttp gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulators.comfyui.engine.outbox import to_json


def json_reply(data: Any, status: int = 200) -> Response:
    """A JSON body."""
    return Response(to_json(data), status, media_type="application/json; charset=utf-8")


def empty_reply(status: int = 200) -> Response:
    """No body."""
    return Response(b"", status)


def text_reply(text: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A plain text body."""
    return Response(text, status, headers, media_type="text/plain; charset=utf-8")


def nothing_here() -> Response:
    """What ComfyUI's static file route answers to a GET of something it has not."""
    return Response(b"", 404, media_type="application/octet-stream")


def status_reply(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The body aiohttp gives an error status, such as ``404: Not Found``."""
    return text_reply(f"{status}: {HTTPStatus(status).phrase}", status, headers)


def server_error() -> Response:
    """What aiohttp answers when a handler raised."""
    text = "500 Internal Server Error\n\nServer got itself in trouble"
    return text_reply(text, 500)


async def read_json(request: Request) -> Any:
    """The decoded body, whatever its content type says.

    Raises:
        json.JSONDecodeError: It is no JSON; ComfyUI answers 500 to that.
    """
    return json.loads((await request.body()).decode())

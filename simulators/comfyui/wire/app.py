"""The table of routes, and what surrounds every handler."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from simulators.comfyui.engine.engine import Engine
from simulators.comfyui.wire.catalog import CatalogRoutes
from simulators.comfyui.wire.control import ControlRoutes
from simulators.comfyui.wire.hub import Hub
from simulators.comfyui.wire.misfortune import Misfortune
from simulators.comfyui.wire.prompts import PromptRoutes
from simulators.comfyui.wire.replies import (
    empty_reply,
    nothing_here,
    server_error,
    status_reply,
    text_reply,
)
from simulators.comfyui.wire.uploads import UploadRoutes
from simulators.comfyui.wire.userdata import LogTail, UserRoutes
from simulators.comfyui.wire.views import ViewRoutes

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def make_app(engine: Engine, hub: Hub, logs: LogTail, lifespan: Lifespan) -> ASGIApp:
    """Put the routes of one engine together."""
    catalog = CatalogRoutes(engine)

    async def websocket(socket: WebSocket) -> None:
        await hub.serve(socket, engine.queue_info, catalog.features)

    twins = _twins(engine, catalog)
    users = UserRoutes(engine, logs)
    routes: list[BaseRoute] = []
    for prefix in ("", "/api"):
        routes.append(WebSocketRoute(f"{prefix}/ws", websocket))
        routes.append(Route(f"{prefix}/ws", _plain_websocket_path))
        routes += [Route(prefix + path, h, methods=[verb]) for verb, path, h in twins]
        routes += [Route(prefix + path, h, methods=[v]) for v, path, h in _user_routes(users)]
    routes += [Route(path, h, methods=[verb]) for verb, path, h in _single(engine, users)]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={
            404: _no_such_route,
            405: _no_such_route,
            _BodyTooLarge: _too_large,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    return Misfortune(_Surroundings(app, engine.options.max_upload_bytes), engine.faults)


def _twins(engine: Engine, catalog: CatalogRoutes) -> list[tuple[str, str, Handler]]:
    prompts, views = PromptRoutes(engine), ViewRoutes(engine.folders)
    return [
        ("POST", "/upload/image", UploadRoutes(engine.folders).image),
        ("GET", "/view", views.view),
        ("GET", "/prompt", prompts.get_prompt),
        ("POST", "/prompt", prompts.post_prompt),
        ("GET", "/queue", prompts.get_queue),
        ("POST", "/queue", prompts.post_queue),
        ("GET", "/history", prompts.get_history),
        ("POST", "/history", prompts.post_history),
        ("GET", "/history/{prompt_id}", prompts.get_history_of),
        ("POST", "/interrupt", prompts.interrupt),
        ("POST", "/free", prompts.free),
        ("GET", "/system_stats", catalog.system_stats),
        ("GET", "/object_info", catalog.object_info),
        ("GET", "/object_info/{node_class}", catalog.object_info_of),
        ("GET", "/models", catalog.models),
        ("GET", "/models/{folder}", catalog.models_of),
        ("GET", "/embeddings", catalog.embeddings),
        ("GET", "/extensions", catalog.extensions),
        ("GET", "/features", catalog.get_features),
    ]


def _user_routes(users: UserRoutes) -> list[tuple[str, str, Handler]]:
    return [
        ("GET", "/users", users.users),
        ("GET", "/settings", users.get_settings),
        ("POST", "/settings", users.post_settings),
        ("GET", "/settings/{id}", users.get_setting),
        ("POST", "/settings/{id}", users.post_setting),
        ("GET", "/userdata", users.list_files),
        # A name with folders arrives as one encoded segment, which Starlette decodes.
        ("POST", "/userdata/{file:path}/move/{dest:path}", users.move_file),
        ("GET", "/userdata/{file:path}", users.get_file),
        ("POST", "/userdata/{file:path}", users.post_file),
        ("DELETE", "/userdata/{file:path}", users.delete_file),
    ]


def _single(engine: Engine, users: UserRoutes) -> list[tuple[str, str, Handler]]:
    control = ControlRoutes(engine)
    return [
        ("GET", "/", _root),
        ("GET", "/internal/logs", users.logs),
        ("GET", "/internal/logs/raw", users.raw_logs),
        ("GET", "/internal/folder_paths", users.folder_paths),
        ("GET", "/internal/files/{directory_type}", users.list_folder),
        ("GET", "/simulator/faults", control.get_faults),
        ("POST", "/simulator/faults", control.post_faults),
        ("DELETE", "/simulator/faults", control.delete_faults),
        ("GET", "/simulator/ledger", control.get_ledger),
    ]


async def _root(_: Request) -> Response:
    """Where ComfyUI has its frontend, this engine says what it is."""
    return text_reply("A simulated ComfyUI: it speaks the API and has no frontend.", 200)


async def _no_such_route(request: Request, _: Exception) -> Response:
    """Answer what no route takes.

    ComfyUI serves its frontend's files from ``/``, so every path can be asked for with GET, and
    one that is only posted to looks like a file that is not there.
    """
    if request.method in ("GET", "HEAD"):
        return nothing_here()
    path = request.url.path
    routes = [r for r in request.app.routes if isinstance(r, Route) and r.path_regex.match(path)]
    allowed = {"GET", "HEAD"}.union(*(route.methods or () for route in routes))
    return status_reply(405, {"Allow": ",".join(sorted(allowed))})


async def _plain_websocket_path(_: Request) -> Response:
    sentence = 'No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".'
    return text_reply(sentence, 400)


class _BodyTooLarge(Exception):
    """A request body grew over the limit, given in bytes."""


async def _too_large(_: Request, problem: Exception) -> Response:
    return text_reply(f"Maximum request body size {problem} exceeded.", 413)


async def _failed(_: Request, __: Exception) -> Response:
    """Answer as aiohttp does when a handler raises; Starlette raises the error again."""
    return server_error()


class _Surroundings:
    """Refuses cross-site requests, limits bodies, and keeps errors from the server's own log."""

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif _is_cross_site(dict(scope["headers"])):
            await _refuse(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "OPTIONS":
            await empty_reply()(scope, receive, send)
        elif scope["type"] == "http":
            await self._guarded(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body:
                raise _BodyTooLarge(self._max_body)
            return message

        try:
            await self._app(scope, limited, send)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])


def _is_cross_site(headers: dict[bytes, bytes]) -> bool:
    """Whether a browser on another site asks a server on this very machine."""
    origin, host = headers.get(b"origin"), headers.get(b"host")
    if origin is None or host is None:
        return False
    from_site = urlsplit(origin.decode("latin-1").lower())
    to_site = urlsplit(f"//{host.decode('latin-1').lower()}")
    if not _is_loopback(to_site.hostname) or not from_site.netloc:
        return False
    if from_site.port is None or to_site.port is None:
        return from_site.hostname != to_site.hostname
    return from_site.netloc != to_site.netloc


def _is_loopback(host: str | None) -> bool:
    if host in (None, "localhost"):
        return host is not None
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).close()
    else:
        await empty_reply(403)(scope, receive, send)

"""The routes: the table of the wire, and the agent's own two."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from rekindle.errors import InvalidRequest
from rekindle.ports.relay import ComfyRelay, WholeReply
from worker.agent.allowed import ALLOWED, SOCKET, Allowed, Treatment
from worker.agent.bodies import whole
from worker.agent.forwarding import Relayed, as_it_is, passed_on, upstream_path
from worker.agent.generate import GenerateReply, GenerateRequest, Generator
from worker.agent.guard import OPEN_DOOR
from worker.agent.health import Health, PodHealth
from worker.agent.prompts import PromptDesk
from worker.agent.results import Results
from worker.agent.sockets import SocketDoor, no_such_socket

GENERATE = "/generate"
_LARGEST_GENERATE = 32 << 20

Handler = Callable[[Request], Awaitable[Response]]


class AgentRoutes:
    """Handlers over one agent's parts."""

    def __init__(
        self,
        *,
        relay: ComfyRelay,
        desk: PromptDesk,
        results: Results,
        generator: Generator,
        health: PodHealth,
        sockets: SocketDoor,
    ) -> None:
        """Answer through these."""
        self._relay = relay
        self._desk = desk
        self._results = results
        self._generator = generator
        self._health = health
        self._sockets = sockets

    def table(self) -> Iterator[BaseRoute]:
        """Every route. What is in none of them does not exist."""
        handlers = {
            Treatment.RELAY: self._pass_on,
            Treatment.PROMPT: self._prompt,
            Treatment.HISTORY: self._history,
            Treatment.VIEW: self._view,
        }
        yield _only(OPEN_DOOR[0], OPEN_DOOR[1], self._tell_health)
        yield _only("POST", GENERATE, self._generate)
        for allowed in ALLOWED:
            handler = partial(handlers[allowed.treatment], allowed)
            yield _only(allowed.method, allowed.path, handler)
        yield WebSocketRoute(SOCKET, self._sockets.serve)
        yield WebSocketRoute("/{path:path}", no_such_socket)

    async def _tell_health(self, _: Request) -> Response:
        report = self._health.report()
        status = 503 if report.status is Health.UNHEALTHY else 200
        return JSONResponse(report.model_dump(mode="json"), status)

    async def _pass_on(self, allowed: Allowed, request: Request) -> Response:
        return as_it_is(self._relay, allowed, request)

    async def _prompt(self, allowed: Allowed, request: Request) -> Response:
        return _whole(await self._desk.post(await whole(request, allowed.max_bytes)))

    async def _history(self, allowed: Allowed, request: Request) -> Response:
        return _whole(await self._results.history(upstream_path(allowed, request.path_params)))

    async def _view(self, _: Allowed, request: Request) -> Response:
        headers = passed_on(request, with_body=False)
        asked = await self._results.request(request.query_params, headers)
        return Relayed(self._relay, asked)

    async def _generate(self, request: Request) -> Response:
        try:
            asked = GenerateRequest.model_validate_json(await whole(request, _LARGEST_GENERATE))
        except ValidationError:
            failed = GenerateReply(status="failed", error=InvalidRequest.code)
            return JSONResponse(failed.model_dump(), InvalidRequest.status)
        status, reply = await self._generator.run(asked)
        return JSONResponse(reply.model_dump(), status)


def _only(method: str, path: str, handler: Handler) -> Route:
    """A route of one method: Starlette would answer HEAD beside GET."""
    route = Route(path, handler, methods=[method])
    route.methods = {method}
    return route


def _whole(reply: WholeReply) -> Response:
    return Response(reply.body, reply.status, {"content-type": reply.media_type})

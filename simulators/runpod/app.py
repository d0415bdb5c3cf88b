"""The simulator as one ASGI application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from simulators.common.clock import Clock
from simulators.common.journal import Journal
from simulators.common.resource import resource
from simulators.runpod.cloud.catalog import Catalog
from simulators.runpod.cloud.fleet import Fleet
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.cloud.ledger import Ledger
from simulators.runpod.cloud.pod_log import PodLog
from simulators.runpod.cloud.volumes import Volumes
from simulators.runpod.light.launcher import LightLauncher
from simulators.runpod.light.wire import LightWire
from simulators.runpod.machine.launcher import ProcessLauncher
from simulators.runpod.options import Options
from simulators.runpod.problem import Problem
from simulators.runpod.wire.billing import BillingRoutes
from simulators.runpod.wire.caller import Doorkeeper
from simulators.runpod.wire.catalog import CatalogRoutes
from simulators.runpod.wire.control import ControlRoutes
from simulators.runpod.wire.forward import Forwarder
from simulators.runpod.wire.gate import Gate
from simulators.runpod.wire.logs import LogRoutes
from simulators.runpod.wire.misfortune import Misfortune
from simulators.runpod.wire.pods import PodRoutes
from simulators.runpod.wire.proxy import PREFIX, PodProxy
from simulators.runpod.wire.rate_limit import RateLimit
from simulators.runpod.wire.s3 import PREFIX as S3_PREFIX
from simulators.runpod.wire.s3 import VolumeDoor
from simulators.runpod.wire.volumes import VolumeRoutes


class Simulator:
    """RunPod in one object; an ASGI application with a lifespan.

    It opens with the lifespan or with its first request, in the event loop that serves it, and
    is closed by the lifespan or by ``aclose``.

    Args:
        options: Its settings; the data folder is made when missing.
        clock: The time.
    """

    def __init__(self, options: Options, clock: Clock) -> None:
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = clock
        self.options = options
        self._is_open = False
        self._tunables = options.tunables()
        self._faults = FaultInjector()
        self._catalog = Catalog()
        self._journal = Journal(options.data, self.clock.now)
        self._ledger = Ledger(self.clock.now)
        self._volumes = Volumes(options.data / "volumes", self._catalog, self._record)
        self._light = LightLauncher(options, self._tunables, clock) if options.light else None
        self._launcher = self._light or ProcessLauncher(options, clock, self._volumes.path)
        self._fleet = Fleet(
            clock,
            self._tunables,
            self._launcher,
            self._catalog,
            self._volumes,
            self._faults,
            self._record,
        )
        self._forwarder = Forwarder(self._tunables, clock)
        for line in self._journal.earlier():
            self._read(line)
        self._door = Misfortune(self._routed(), self._faults, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, a websocket or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.open()
        await self._door(scope, receive, send)

    def log_of(self, pod_id: str) -> PodLog:
        """What a pod said."""
        return self._fleet.get(pod_id).log

    def open(self) -> None:
        """Go on with what an earlier process left; must be called in the event loop."""
        if not self._is_open:
            self._is_open = True
            for volume_id, place in self.options.volumes.items():
                if self._volumes.find(volume_id) is None:
                    asked = {"name": volume_id, "size": 100, "dataCenter": place}
                    self._volumes.create(asked, volume_id)
            self._fleet.resume()

    async def aclose(self) -> None:
        """End every process and close every file."""
        if self._is_open:
            self._fleet.shut_down()
        await self._launcher.close()
        await self._forwarder.close()
        self._journal.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self.open()
        except Problem as problem:
            await send({"type": "lifespan.startup.failed", "message": problem.detail})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    def _record(self, event: str, **fields: Any) -> None:
        """Write a change down, and have everybody read it."""
        self._read(self._journal.write(event, **fields))

    def _read(self, line: dict[str, Any]) -> None:
        for reader in (self._fleet, self._ledger, self._volumes):
            reader.apply(line)

    def _routed(self) -> ASGIApp:
        doorkeeper = Doorkeeper(self.options, self._tunables, self._fleet.id_of_key)
        limit = RateLimit(self.options.rates, self.clock.now)
        light = LightWire(self.options) if self.options.light else None
        proxy = PodProxy(self._fleet, self._forwarder, light)
        api = Gate(_starlette(self._api_routes(doorkeeper)), doorkeeper, limit)
        control = _starlette(self._control_routes(), {ValueError: _as_refusal})
        scratch = self.options.data / "volume-uploads"
        files = VolumeDoor(self._volumes, scratch, self.options.s3_keys)

        async def route(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["path"]
            if path.startswith(PREFIX):
                await proxy(scope, receive, send)
            elif path.startswith(S3_PREFIX) and scope["type"] == "http":
                await files(scope, receive, send)
            elif path.startswith("/v2/") and scope["type"] == "http":
                await api(scope, receive, send)
            else:
                await control(scope, receive, send)

        return route

    def _api_routes(self, doorkeeper: Doorkeeper) -> list[BaseRoute]:
        pods = PodRoutes(self._fleet, doorkeeper, self._faults, self.clock)
        logs = LogRoutes(self._fleet, doorkeeper)
        catalog = CatalogRoutes(self._catalog, doorkeeper)
        volumes = VolumeRoutes(self._volumes, self._fleet, doorkeeper)
        billing = BillingRoutes(self._ledger, doorkeeper, self._faults, self.clock)
        return [
            resource("/v2/pods", GET=pods.list, POST=pods.create),
            resource("/v2/pods/{id}", GET=pods.get, PATCH=pods.update, DELETE=pods.delete),
            resource("/v2/pods/{id}/action", POST=pods.act),
            resource("/v2/pods/{id}/logs", GET=logs.stream),
            resource("/v2/catalog/gpus", GET=catalog.gpus),
            resource("/v2/catalog/gpus/{id:path}", GET=catalog.gpu),
            resource("/v2/catalog/datacenters", GET=catalog.data_centers),
            resource("/v2/catalog/datacenters/{id}", GET=catalog.data_center),
            resource("/v2/network-volumes", GET=volumes.list, POST=volumes.create),
            resource(
                "/v2/network-volumes/{id}",
                GET=volumes.get,
                PATCH=volumes.update,
                DELETE=volumes.delete,
            ),
            resource("/v2/billing/pods", GET=billing.pods),
        ]

    def _control_routes(self) -> list[BaseRoute]:
        control = ControlRoutes(
            self._fleet,
            self._faults,
            self._ledger,
            self._catalog,
            self.clock,
            self._tunables,
            self._light,
        )
        return [
            resource(
                "/simulator/faults",
                GET=control.get_faults,
                POST=control.post_faults,
                DELETE=control.delete_faults,
            ),
            resource("/simulator/ledger", GET=control.get_ledger),
            resource("/simulator/pods", GET=control.get_pods),
            resource("/simulator/runs", GET=control.get_runs),
            resource("/simulator/clock", GET=control.get_clock, POST=control.post_clock),
            resource("/simulator/settings", GET=control.get_settings, POST=control.post_settings),
            resource("/simulator/stock", POST=control.post_stock),
        ]


def create_app(options: Options, clock: Clock | None = None) -> Simulator:
    """The simulator over its data folder; the same folder makes the same account again.

    Args:
        options: Its settings.
        clock: The time; by default the machine's, or one that stands still if so set.

    Raises:
        OSError: The data folder cannot be written.
        ValueError: The journal in it is damaged.
    """
    return Simulator(options, clock or Clock(is_frozen=options.is_frozen))


def _starlette(
    routes: list[BaseRoute], more: Mapping[type[Exception], ExceptionHandler] | None = None
) -> Starlette:
    handlers = {Problem: _as_problem, HTTPException: _as_problem, **(more or {})}
    return Starlette(routes=routes, exception_handlers=handlers)


def _as_problem(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        details = {404: "resource not found", 405: "The requested method is not allowed."}
        detail = details.get(error.status_code, error.detail)
        error = Problem(error.status_code, detail, headers=error.headers)
    assert isinstance(error, Problem)  # noqa: S101  it is registered for these two alone
    return JSONResponse(
        error.as_json(), error.status, error.headers, media_type="application/problem+json"
    )


def _as_refusal(_: Request, error: Exception) -> Response:
    """A control route was told something it does not understand."""
    return JSONResponse({"error": str(error)}, 400)

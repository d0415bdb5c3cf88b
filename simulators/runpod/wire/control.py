"""Routes that RunPod does not have: faults, money, stock, time. All below ``/simulator``."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.common.clock import Clock
from simulators.runpod.cloud.catalog import Catalog, Level
from simulators.runpod.cloud.faults import parse_faults
from simulators.runpod.cloud.fleet import Fleet
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.cloud.ledger import Ledger
from simulators.runpod.cloud.pod import Pod
from simulators.runpod.light.launcher import LightLauncher
from simulators.runpod.machine.process import PodProcess
from simulators.runpod.options import BootTimes, PodKeyRights, Tunables

_MOST_SECONDS = 86_400.0 * 3_660


class ControlRoutes:
    """Handlers over everything that can be scripted or looked at."""

    def __init__(
        self,
        fleet: Fleet,
        faults: FaultInjector,
        ledger: Ledger,
        catalog: Catalog,
        clock: Clock,
        tunables: Tunables,
        light: LightLauncher | None,
    ) -> None:
        self._fleet = fleet
        self._faults = faults
        self._ledger = ledger
        self._catalog = catalog
        self._clock = clock
        self._tunables = tunables
        self._light = light

    async def get_faults(self, _: Request) -> Response:
        """The plan in force, and how often each fault fired."""
        return JSONResponse(self._faults.as_json())

    async def post_faults(self, request: Request) -> Response:
        """Put a whole new plan in force."""
        faults = parse_faults(await _object(request))
        self._faults.use(faults)
        self._fleet.die_now(faults)
        return JSONResponse(self._faults.as_json())

    async def delete_faults(self, _: Request) -> Response:
        """Plan nothing; pods keep the fate they were born with."""
        self._faults.use(())
        return JSONResponse(self._faults.as_json())

    async def get_ledger(self, request: Request) -> Response:
        """Every pod ever rented, or those whose names begin with ``?name=``."""
        return JSONResponse(self._ledger.as_json(request.query_params.get("name", "")))

    async def get_pods(self, _: Request) -> Response:
        """The pods that are not terminated, as they truly are."""
        return JSONResponse({"pods": [_truth(pod) for pod in self._fleet.alive()]})

    async def get_runs(self, _: Request) -> Response:
        """Every prompt that light pods accepted since the simulator started."""
        return JSONResponse({"runs": []} if self._light is None else self._light.runs_json())

    async def get_clock(self, _: Request) -> Response:
        """The time."""
        return JSONResponse({"now": self._clock.now()})

    async def post_clock(self, request: Request) -> Response:
        """Move time forward by ``{"advance": seconds}``."""
        body = await _object(request)
        self._clock.advance(_number(body, "advance"))
        return JSONResponse({"now": self._clock.now()})

    async def get_settings(self, _: Request) -> Response:
        """What may be changed while the simulator runs."""
        return JSONResponse(dataclasses.asdict(self._tunables))

    async def post_settings(self, request: Request) -> Response:
        """Change some of it; words that are left out stay as they are."""
        body = await _object(request)
        changes: dict[str, Any] = {}
        for word in body:
            if word == "boot":
                changes["boot"] = _boot(self._tunables.boot, body["boot"])
            elif word == "pod_key_may":
                changes[word] = PodKeyRights(body[word])
            elif word in ("proxy_seconds", "light_seconds"):
                changes[word] = _number(body, word)
            else:
                raise ValueError(f"no such setting: {word}")
        for word, value in changes.items():
            setattr(self._tunables, word, value)
        return JSONResponse(dataclasses.asdict(self._tunables))

    async def post_stock(self, request: Request) -> Response:
        """Set stock or price: ``{"gpu", "data_center"?, "level"?, "cloud"?, "price"?}``."""
        body = await _object(request)
        unknown = set(body) - {"gpu", "data_center", "level", "cloud", "price"}
        if unknown or "gpu" not in body:
            raise ValueError("stock takes gpu, data_center, level, cloud, price")
        try:
            if "level" in body:
                level = Level(body["level"])
                self._catalog.set_level(body["gpu"], body.get("data_center"), level)
            if "price" in body:
                price, cloud = _number(body, "price"), body.get("cloud", "secure")
                self._catalog.set_price(body["gpu"], str(cloud).lower(), price)
        except KeyError as error:
            raise ValueError(f"not in the catalogue: {error}") from None
        return JSONResponse({})


def _truth(pod: Pod) -> dict[str, Any]:
    process = pod.workload if isinstance(pod.workload, PodProcess) else None
    return {
        "id": pod.id,
        "name": pod.spec["name"],
        "status": str(pod.status),
        "machine": pod.machine.name,
        "is_dead": pod.view.is_dead,
        "pid": None if process is None else process.pid,
        "ports": dict(pod.ports),
    }


def _boot(before: BootTimes, given: object) -> BootTimes:
    if not isinstance(given, dict):
        raise ValueError("boot is an object of seconds")
    unknown = set(given) - {"provisioning", "starting", "runtime"}
    if unknown:
        raise ValueError(f"no such stage of a boot: {', '.join(sorted(unknown))}")
    return dataclasses.replace(before, **{stage: _number(given, stage) for stage in given})


def _number(body: dict[str, Any], word: str) -> float:
    value = body.get(word)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{word} is a number: {value!r}")
    if not 0 <= value <= _MOST_SECONDS:
        raise ValueError(f"{word} is out of range: {value!r}")
    return float(value)


async def _object(request: Request) -> dict[str, Any]:
    body = json.loads(await request.body() or b"{}")
    if not isinstance(body, dict):
        raise ValueError("the body is an object")
    return body

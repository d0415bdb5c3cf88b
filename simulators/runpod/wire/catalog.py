"""Routes about what can be rented."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.runpod.cloud.catalog import Catalog, DataCenter, GpuType, cuda_number, overall
from simulators.runpod.problem import Problem
from simulators.runpod.wire.bodies import listed, one_of, truth, whole_number
from simulators.runpod.wire.caller import Doorkeeper, caller_of

PRODUCTS = ("POD", "CLUSTER", "SERVERLESS")
CLOUDS = ("SECURE", "COMMUNITY")
REGIONS = (
    *("NORTH_AMERICA", "SOUTH_AMERICA", "EUROPE", "ASIA"),
    *("MIDDLE_EAST", "AFRICA", "OCEANIA", "ANTARCTICA", "UNKNOWN"),
)
COMPLIANCE = (
    *("GDPR", "ISO_IEC_27001", "ISO_14001", "PCI_DSS", "HITRUST", "SOC_1_TYPE_2"),
    *("SOC_2_TYPE_2", "SOC_3_TYPE_2", "ITAR", "FISMA_HIGH", "HIPAA", "RENEWABLE"),
)
VOLUME_TYPES = ("STANDARD", "HIGH_PERFORMANCE")
_FILTERS = ("product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion")


class CatalogRoutes:
    """Handlers over the catalogue."""

    def __init__(self, catalog: Catalog, doorkeeper: Doorkeeper) -> None:
        self._catalog = catalog
        self._doorkeeper = doorkeeper

    async def gpus(self, request: Request) -> Response:
        """GPU types, with stock when that is asked for."""
        self._doorkeeper.check_account(caller_of(request), is_writing=False)
        is_wanted = _wants_availability(request)
        shown = []
        for gpu in self._catalog.gpus.values():
            if is_wanted and not self._is_anywhere(gpu, listed(request, "countryCodes")):
                continue
            shown.append(_gpu_json(gpu) | (self._stock(gpu, request) if is_wanted else {}))
        return JSONResponse({"gpus": shown})

    async def gpu(self, request: Request) -> Response:
        """One GPU type."""
        self._doorkeeper.check_account(caller_of(request), is_writing=False)
        gpu = self._catalog.gpus.get(request.path_params["id"])
        if gpu is None:
            raise Problem(404, "gpu type not found")
        stock = self._stock(gpu, request) if _wants_availability(request) else {}
        return JSONResponse(_gpu_json(gpu) | stock)

    async def data_centers(self, request: Request) -> Response:
        """Data centres, filtered, with stock when that is asked for."""
        self._doorkeeper.check_account(caller_of(request), is_writing=False)
        regions = listed(request, "regions", REGIONS)
        kinds = set(listed(request, "networkVolumeTypes", VOLUME_TYPES))
        compliance = set(listed(request, "compliance", COMPLIANCE))
        is_global = truth(request, "globalNetwork")
        chosen = [
            place
            for place in self._catalog.data_centers.values()
            if (not regions or place.region in regions)
            and kinds <= set(place.network_volume_types)
            and compliance <= set(place.compliance)
            and is_global in (None, place.has_global_network)
        ]
        include = _data_center_include(request)
        return JSONResponse({"dataCenters": [self._place_json(p, include) for p in chosen]})

    async def data_center(self, request: Request) -> Response:
        """One data centre."""
        self._doorkeeper.check_account(caller_of(request), is_writing=False)
        place = self._catalog.data_centers.get(request.path_params["id"])
        if place is None:
            raise Problem(404, "data center not found")
        return JSONResponse(self._place_json(place, _data_center_include(request)))

    def _is_anywhere(self, gpu: GpuType, countries: list[str]) -> bool:
        places = [self._catalog.data_centers[place] for place in gpu.data_centers]
        return not countries or any(place.country in countries for place in places)

    def _stock(self, gpu: GpuType, request: Request) -> dict[str, Any]:
        count = whole_number(request, "count", 1, 1, 64)
        cloud = request.query_params.get("cloud", "SECURE")
        versions = [v for v in gpu.cuda_versions if _is_asked_for(v, request)]
        levels = self._catalog.levels_of(gpu, count, cloud, listed(request, "countryCodes"))
        if gpu.cuda_versions and not versions:
            levels = {}
        told: dict[str, Any] = {"availability": str(overall(levels.values()))}
        if levels:
            told["dataCenters"] = [
                {
                    "id": place,
                    "name": self._catalog.data_centers[place].name,
                    "availability": str(level),
                }
                for place, level in levels.items()
            ]
        if versions:
            told["cudaVersions"] = [{"version": v, "available": bool(levels)} for v in versions]
        return told

    def _place_json(self, place: DataCenter, include: list[str]) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": place.id,
            "name": place.name,
            "region": place.region,
            "globalNetwork": place.has_global_network,
            "networkVolumeTypes": list(place.network_volume_types),
            "compliance": list(place.compliance),
        }
        if "GPU_AVAILABILITY" in include:
            gpus = [gpu for gpu in self._catalog.gpus.values() if place.id in gpu.data_centers]
            stock = [
                {
                    "id": gpu.id,
                    "name": gpu.name,
                    "availability": str(self._catalog.level_at(gpu, place.id)),
                }
                for gpu in gpus
            ]
            if stock:
                told["gpuAvailability"] = stock
        return told


def _gpu_json(gpu: GpuType) -> dict[str, Any]:
    return {
        "id": gpu.id,
        "name": gpu.name,
        "pool": gpu.pool,
        "manufacturer": gpu.manufacturer,
        "memory": gpu.memory,
        "secure": gpu.max_count["secure"] > 0,
        "community": gpu.max_count["community"] > 0,
        "price": dict(gpu.price),
        "maxCount": dict(gpu.max_count),
    }


def _wants_availability(request: Request) -> bool:
    """Whether stock is asked for, by the vendor's rules about what goes with what.

    Raises:
        Problem: 400 when one parameter comes without the other, 422 for a malformed one.
    """
    is_wanted = "AVAILABILITY" in listed(request, "include", ("AVAILABILITY",))
    asked = request.query_params
    if not is_wanted:
        for name in _FILTERS:
            if name in asked:
                raise Problem(400, f"{name} is only valid with include=AVAILABILITY")
        return False
    if not listed(request, "product", PRODUCTS):
        raise Problem(400, "product is required with include=AVAILABILITY")
    if "cudaVersions" in asked and "minCudaVersion" in asked:
        raise Problem(400, "cudaVersions and minCudaVersion are mutually exclusive")
    one_of("cloud", asked.get("cloud", "SECURE"), CLOUDS)
    _check_form(listed(request, "countryCodes"), "countryCodes", r"^[A-Z]{2}$")
    _check_form(listed(request, "cudaVersions"), "cudaVersions", r"^\d+\.\d+$")
    floor = asked.get("minCudaVersion")
    _check_form([] if floor is None else [floor], "minCudaVersion", r"^\d+(\.\d+)?$")
    return True


def _check_form(values: list[str], name: str, pattern: str) -> None:
    for value in values:
        if not re.match(pattern, value):
            error = f"query.{name}: '{value}' does not match pattern '{pattern}'"
            raise Problem(422, "Request validation failed.", [error])


def _is_asked_for(version: str, request: Request) -> bool:
    exact, floor = listed(request, "cudaVersions"), request.query_params.get("minCudaVersion")
    if floor is not None:
        return cuda_number(version) >= cuda_number(floor)
    return not exact or version in exact


def _data_center_include(request: Request) -> list[str]:
    return listed(request, "include", ("GPU_AVAILABILITY", "CPU_AVAILABILITY"))

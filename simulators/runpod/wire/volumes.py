"""Routes about network volumes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.runpod.cloud.fleet import Fleet
from simulators.runpod.cloud.volumes import Volumes
from simulators.runpod.problem import Problem
from simulators.runpod.wire.bodies import read_valid
from simulators.runpod.wire.caller import Doorkeeper, caller_of


class VolumeRoutes:
    """Handlers over the volumes."""

    def __init__(self, volumes: Volumes, fleet: Fleet, doorkeeper: Doorkeeper) -> None:
        self._volumes = volumes
        self._fleet = fleet
        self._doorkeeper = doorkeeper

    async def list(self, request: Request) -> Response:
        """Every volume."""
        self._check(request, is_writing=False)
        shown = [volume.as_json() for volume in self._volumes.all()]
        return JSONResponse({"networkVolumes": shown})

    async def create(self, request: Request) -> Response:
        """Make a volume."""
        self._check(request, is_writing=True)
        volume = self._volumes.create(await read_valid(request, "CreateNetworkVolumeRequest"))
        return JSONResponse(volume.as_json(), 201)

    async def get(self, request: Request) -> Response:
        """One volume."""
        self._check(request, is_writing=False)
        return JSONResponse(self._volumes.get(request.path_params["id"]).as_json())

    async def update(self, request: Request) -> Response:
        """Rename or grow a volume."""
        self._check(request, is_writing=True)
        body = await read_valid(request, "UpdateNetworkVolumeRequest")
        return JSONResponse(self._volumes.update(request.path_params["id"], body).as_json())

    async def delete(self, request: Request) -> Response:
        """Delete a volume that no pod mounts."""
        self._check(request, is_writing=True)
        volume_id = request.path_params["id"]
        if any(pod.volume_id == volume_id for pod in self._fleet.alive()):
            raise Problem(400, "network volume is in use by a pod")
        self._volumes.delete(volume_id)
        return Response(status_code=204)

    def _check(self, request: Request, *, is_writing: bool) -> None:
        self._doorkeeper.check_account(caller_of(request), is_writing=is_writing)

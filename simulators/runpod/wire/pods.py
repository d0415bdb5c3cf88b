"""Routes about pods."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.common.clock import Clock
from simulators.runpod.cloud.faults import FaultKind
from simulators.runpod.cloud.fleet import Fleet
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.cloud.pod import Pod
from simulators.runpod.cloud.pod_json import as_vendor_example, pod_json
from simulators.runpod.wire.bodies import read_valid, truth
from simulators.runpod.wire.caller import Doorkeeper, caller_of


class PodRoutes:
    """Handlers over the fleet."""

    def __init__(
        self, fleet: Fleet, doorkeeper: Doorkeeper, faults: FaultInjector, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._doorkeeper = doorkeeper
        self._faults = faults
        self._clock = clock

    async def list(self, request: Request) -> Response:
        """The pods of the account; ``includeClusterPods`` adds none, as there are no clusters."""
        self._doorkeeper.check_account(caller_of(request), is_writing=False)
        truth(request, "includeClusterPods")
        now = self._clock.now()
        return JSONResponse({"pods": [pod_json(pod, now) for pod in self._fleet.listed()]})

    async def create(self, request: Request) -> Response:
        """Rent a pod."""
        self._doorkeeper.check_account(caller_of(request), is_writing=True)
        pod = self._fleet.create(await read_valid(request, "CreatePodRequest"))
        shown = pod_json(pod, self._clock.now())
        if self._faults.of_subject(FaultKind.EXAMPLE_REPLY, pod.subject) is not None:
            shown = as_vendor_example(shown)
        return JSONResponse(shown, 201)

    async def get(self, request: Request) -> Response:
        """One pod."""
        return self._show(self._readable(request))

    async def update(self, request: Request) -> Response:
        """Change a pod."""
        pod = self._fleet.get(request.path_params["id"])
        caller = caller_of(request)
        self._doorkeeper.check_action(caller, pod, "update")
        self._fleet.update(pod, await read_valid(request, "UpdatePodRequest"), caller.by)
        return self._show(pod)

    async def delete(self, request: Request) -> Response:
        """Terminate a pod."""
        pod = self._fleet.get(request.path_params["id"])
        caller = caller_of(request)
        self._doorkeeper.check_action(caller, pod, "terminate")
        self._fleet.terminate(pod, caller.by)
        return Response(status_code=204)

    async def act(self, request: Request) -> Response:
        """Start, stop, restart or terminate a pod."""
        pod = self._fleet.get(request.path_params["id"])
        caller = caller_of(request)
        action = (await read_valid(request, "PodActionRequest"))["action"]
        self._doorkeeper.check_action(caller, pod, action)
        self._fleet.act(pod, action, caller.by)
        return Response(status_code=204) if action == "terminate" else self._show(pod)

    def _readable(self, request: Request) -> Pod:
        pod = self._fleet.get(request.path_params["id"])
        self._doorkeeper.check_reading(caller_of(request), pod)
        return pod

    def _show(self, pod: Pod) -> Response:
        return JSONResponse(pod_json(pod, self._clock.now()))

"""``GET /v2/pods/{id}/logs``: a pod's lines as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from simulators.runpod.cloud.fleet import Fleet
from simulators.runpod.cloud.pod_log import CONTAINER, MOST_LINES, SYSTEM, LogLine, PodLog
from simulators.runpod.moments import rfc3339, unix_seconds
from simulators.runpod.problem import Problem
from simulators.runpod.wire.bodies import listed, whole_number
from simulators.runpod.wire.caller import Doorkeeper, caller_of

DEFAULT_TAIL = 100


class LogRoutes:
    """Handlers over the fleet."""

    def __init__(self, fleet: Fleet, doorkeeper: Doorkeeper) -> None:
        self._fleet = fleet
        self._doorkeeper = doorkeeper

    async def stream(self, request: Request) -> Response:
        """Lines that were, then lines as they come, until the pod is terminated."""
        pod = self._fleet.get(request.path_params["id"])
        self._doorkeeper.check_reading(caller_of(request), pod)
        sources = listed(request, "source", (CONTAINER, SYSTEM)) or [CONTAINER, SYSTEM]
        first = _first_number(request, pod.log, sources)
        return StreamingResponse(
            _events(pod.log, sources, first),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache"},
        )


def _first_number(request: Request, log: PodLog, sources: list[str]) -> int:
    """Number of the line before the first one to send."""
    lines = [line for line in log.after(0) if line.source in sources]
    tail = whole_number(request, "tail", DEFAULT_TAIL, 0, MOST_LINES)
    last_id = request.headers.get("Last-Event-ID")
    since = last_id or request.query_params.get("since")
    if since is None:
        kept = lines[-tail:] if tail else []
        newest = log.after(0)[-1].number if log.after(0) else 0
        return kept[0].number - 1 if kept else newest
    moment, _, number = since.partition("/")
    try:
        at = unix_seconds(moment)
        seen = int(number) if number else 0
    except ValueError:
        raise Problem(422, "Request validation failed.", ["since: not a date-time"]) from None
    # Event ids have milliseconds, lines more: compare what the client can know.
    fits = [line.number - 1 for line in lines if round(line.at, 3) >= at]
    return max(fits[0] if fits else 0, seen) if fits or seen else len(log.after(0))


async def _events(log: PodLog, sources: list[str], number: int) -> AsyncIterator[bytes]:
    while True:
        for line in log.after(number):
            number = line.number
            if line.source in sources:
                yield _event(line)
        if log.is_closed:
            return
        await log.more()


def _event(line: LogLine) -> bytes:
    at = rfc3339(line.at)
    data = json.dumps({"ts": at, "source": line.source, "line": line.text})
    return f"id: {at}/{line.number:012d}\ndata: {data}\n\n".encode()

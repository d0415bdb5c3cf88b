"""A pod that nobody speaks to ends itself at its cloud."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rekindle.adapters.runpod.pod_self import RunPodSelf
from rekindle.errors import CloudRefused, CloudUnavailable
from rekindle.ports.pod_self import Departure
from simulators.runpod.wire.schema import SchemaSet

CONTRACT = json.loads((Path(__file__).parents[2] / "contracts" / "runpod_schemas.json").read_text())
SCHEMAS = SchemaSet(CONTRACT["schemas"])


class Cloud(ThreadingHTTPServer):
    """As much of RunPod's REST API as one pod sees: it notes calls and answers as told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, str, str | None, object]] = []
        self.statuses: dict[str, list[int]] = {"DELETE": [204], "POST": [200]}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str) -> int:
        """The next status; the last one stays."""
        left = self.statuses[method]
        return left.pop(0) if len(left) > 1 else left[0]

    def demand_schemas(self) -> None:
        """Every call was one of the vendor's, with a body that its schema allows."""
        for method, path, _, body in self.calls:
            named = re.sub(r"(/v2/pods)/[^/]+", r"\1/{id}", path)
            operation = CONTRACT["operations"].get(f"{method} {named}")
            assert operation is not None, f"the vendor has no {method} {named}"
            wanted = operation.get("request")
            assert (SCHEMAS.violations(wanted, body) == []) if wanted else body is None

    async def called(self, count: int) -> list[tuple[str, str, str | None, object]]:
        """The first calls, once there are so many."""
        async with asyncio.timeout(60):
            while len(self.calls) < count:
                await asyncio.sleep(0.02)
        return self.calls[:count]


class Handler(BaseHTTPRequestHandler):
    server: Cloud

    def do_DELETE(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def _answer(self, body: object) -> None:
        self.server.calls.append((self.command, self.path, self.headers["authorization"], body))
        self.send_response(self.server.answer(self.command))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    server.demand_schemas()


def started(make_pod: Any, cloud: Cloud) -> Any:
    pod = make_pod(
        DEAD_MAN_SECONDS="1",
        RUNPOD_POD_ID="7h9k2m4n6p",
        RUNPOD_API_KEY="key-of-the-pod",  # pragma: allowlist secret
        RUNPOD_API_URL=cloud.url,
    )
    pod.start_agent("degraded")
    return pod


DELETE = ("DELETE", "/v2/pods/7h9k2m4n6p", "Bearer key-of-the-pod", None)
STOP = ("POST", "/v2/pods/7h9k2m4n6p/action", "Bearer key-of-the-pod", {"action": "stop"})


async def test_a_pod_nobody_ever_spoke_to_terminates_itself(make_pod: Any, cloud: Cloud) -> None:
    pod = started(make_pod, cloud)  # its health was asked for, but without the token
    assert await cloud.called(1) == [DELETE]
    log = (pod.folder / "agent.log").read_text()
    assert "key-of-the-pod" not in log


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_may_not_terminate_stops(make_pod: Any, cloud: Cloud, status: int) -> None:
    cloud.statuses["DELETE"] = [status]
    started(make_pod, cloud)
    assert await cloud.called(2) == [DELETE, STOP]


@pytest.mark.parametrize(
    ("delete", "stop", "outcome"),
    [
        (204, 500, Departure.TERMINATED),
        (404, 500, Departure.TERMINATED),
        (403, 200, Departure.STOPPED),
        (403, 403, CloudRefused),
        (403, 409, CloudUnavailable),
        (409, 200, CloudUnavailable),
        (429, 200, CloudUnavailable),
        (500, 200, CloudUnavailable),
    ],
)
async def test_each_answer_of_the_cloud_is_understood(
    cloud: Cloud, delete: int, stop: int, outcome: Departure | type[Exception]
) -> None:
    cloud.statuses = {"DELETE": [delete], "POST": [stop]}
    pod = RunPodSelf(api_url=cloud.url, pod_id="7h9k2m4n6p", api_key="key-of-the-pod")
    if isinstance(outcome, Departure):
        assert await pod.leave() is outcome
    else:
        with pytest.raises(outcome):
            await pod.leave()
    assert cloud.calls[0] == DELETE
    assert (STOP in cloud.calls) == (delete == 403)
    await pod.close()


async def test_a_cloud_that_is_away_is_unavailable(unused_tcp_port: int) -> None:
    away = f"http://127.0.0.1:{unused_tcp_port}"
    pod = RunPodSelf(api_url=away, pod_id="p", api_key="k")
    with pytest.raises(CloudUnavailable):
        await pod.leave()
    await pod.close()

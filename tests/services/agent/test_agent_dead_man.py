"""A pod that nobody speaks to ends itself at its cloud."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


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


def started(make_pod: Any, cloud: Cloud) -> Any:
    pod = make_pod(
        DEAD_MAN_SECONDS="1",
        RUNPOD_POD_ID="7h9k2m4n6p",
        RUNPOD_API_KEY="key-of-the-pod",
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

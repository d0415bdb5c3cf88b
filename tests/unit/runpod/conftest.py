"""A server that answers what a test wrote down, and holds every request to the vendor's schemas."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from rekindle.adapters.runpod.cloud import RunPodCloud
from simulators.runpod.wire.schema import SchemaSet

CONTRACTS = Path(__file__).parents[2] / "contracts"
KEY = "rpa_THEKEYTHATNOBODYMAYSEE"

CONTRACT = json.loads((CONTRACTS / "runpod_schemas.json").read_text())
EXAMPLES = json.loads((CONTRACTS / "runpod_examples.json").read_text())
SCHEMAS = SchemaSet(CONTRACT["schemas"])


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @property
    def operation(self) -> str:
        return f"{self.method} " + re.sub(r"(/v2/pods)/[^/]+", r"\1/{id}", self.path)


@dataclass
class Line:
    """One answer: bytes as they are; then the connection is closed."""

    content: bytes
    hold: asyncio.Event | None = None


@dataclass
class Vendor:
    """The scripted server."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    script: list[Line] = field(default_factory=list)

    def says(
        self,
        status: int,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        hold: asyncio.Event | None = None,
    ) -> None:
        """The next answer. `body` is text as it is, anything else as JSON; `hold` delays it."""
        content = b"" if body is None else _encoded(body)
        head = {"Content-Type": "application/json", "Connection": "close", **(headers or {})}
        head["Content-Length"] = str(len(content))
        lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in head.items())]
        self.script.append(Line("\r\n".join([*lines, "", ""]).encode() + content, hold))

    def says_like_the_vendor(self, operation: str, status: int, body: Any, **more: Any) -> None:
        """The next answer, which has to be one that the vendor's own schema allows."""
        reply = CONTRACT["operations"][operation]["replies"][str(status)]
        assert SCHEMAS.violations(reply, body) == []
        self.says(status, body, **more)

    def breaks_off(self, content: bytes = b"") -> None:
        """The next request is read, answered with these bytes, and cut off."""
        self.script.append(Line(content))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.seen.append(await _request(reader))
            line = self.script.pop(0) if self.script else Line(b"")
            if line.hold is not None:
                await line.hold.wait()
            writer.write(line.content)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller went away
        finally:
            writer.close()

    def demand_schemas(self) -> None:
        """Every body that came in was one that the vendor's schema allows."""
        for each in self.seen:
            operation = CONTRACT["operations"].get(each.operation)
            assert operation is not None, f"the vendor has no {each.operation}"
            if "request" in operation:
                assert SCHEMAS.violations(operation["request"], each.body) == []
            else:
                assert each.body is None


def _encoded(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


async def _request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    address = urlsplit(target)
    query = dict(parse_qsl(address.query))
    return Seen(method, address.path, query, headers, json.loads(content) if content else None)


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    vendor.url = f"http://{host}:{port}"
    yield vendor
    server.close()
    await server.wait_closed()
    vendor.demand_schemas()


@pytest.fixture
async def open_cloud() -> AsyncIterator[Callable[..., RunPodCloud]]:
    """Makes clients of a server, which are closed after the test."""
    opened: list[RunPodCloud] = []

    def make(url: str, *, timeout: float = 30.0) -> RunPodCloud:
        proxy = "https://{pod_id}-{port}.proxy.example.net"
        opened.append(RunPodCloud(api_url=url, key=KEY, proxy_url=proxy, timeout=timeout))
        return opened[-1]

    yield make
    for cloud in opened:
        await cloud.close()


@pytest.fixture
def cloud(vendor: Vendor, open_cloud: Callable[..., RunPodCloud]) -> RunPodCloud:
    return open_cloud(vendor.url)


@pytest.fixture
def examples() -> dict[str, Any]:
    """The vendor's own examples of replies, by operation."""
    copied: dict[str, Any] = json.loads(json.dumps(EXAMPLES))
    return copied


@pytest.fixture(scope="session")
def schemas() -> SchemaSet:
    """The vendor's schemas."""
    return SCHEMAS

"""The simulator behind a real socket, the official SDK in front of it, and a receiver of events."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from simulators.stripe.options import Options
from simulators.stripe.server import SimulatorThread

API_KEY = "sk_test_0123456789abcdefghij"  # pragma: allowlist secret
SECRET = "whsec_0123456789"  # pragma: allowlist secret
ORDER: stripe.params.checkout.SessionCreateParams = {
    "mode": "payment",
    "line_items": [
        {
            "quantity": 1,
            "price_data": {
                "currency": "eur",
                "unit_amount": 490,
                "product_data": {"name": "Photo in HD"},
            },
        }
    ],
    "success_url": "http://127.0.0.1:9/orders/1?session_id={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://127.0.0.1:9/orders/1",
    "client_reference_id": "order-1",
    "metadata": {"order_id": "order-1"},
    "payment_intent_data": {"metadata": {"order_id": "order-1"}},
}


@pytest.fixture(autouse=True)
def _quiet_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    # The SDK would write an id of this machine into the home folder.
    monkeypatch.setattr(stripe, "enable_telemetry", False)


class Delivery:
    """A request that the receiver got."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers = headers
        self.body = body

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def kind(self) -> str:
        return str(self.event["type"])

    @property
    def signature(self) -> str:
        return self.headers["stripe-signature"]


class Receiver:
    """A small HTTP server that keeps what it gets, and answers what it is told."""

    def __init__(self) -> None:
        self.got: list[Delivery] = []
        self.answers: list[int] = []
        self.url = ""

    @property
    def kinds(self) -> list[str]:
        return [delivery.kind for delivery in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        pairs = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append(Delivery(headers, body))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Listens on a free port, and answers 200 when nothing else is planned."""
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks"
    async with server:
        yield made


class Shop:
    """A running simulator, and whoever talks to it."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http

    def client(self, **changes: Any) -> stripe.StripeClient:
        """The SDK, pointed here by the address alone."""
        words: dict[str, Any] = {"max_network_retries": 0} | changes
        return stripe.StripeClient(API_KEY, base_addresses={"api": self.url}, **words)

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        """Use a control route; it must be understood."""
        reply = await self.http.post(f"/simulator/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def plan(self, *faults: dict[str, Any]) -> None:
        await self.control("faults", faults=list(faults))

    async def quiet(self) -> None:
        """Wait until nothing is on its way to the receiver."""
        assert (await self.control("webhooks/wait", seconds=60))["is_quiet"]

    async def look(self, path: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/simulator/{path}")).json())

    async def delivery_of(self, kind: str) -> dict[str, Any]:
        """The delivery of the one event of a type."""
        (found,) = [d for d in (await self.look("webhooks"))["deliveries"] if d["type"] == kind]
        return dict(found)


@asynccontextmanager
async def shop_at(url: str) -> AsyncIterator[Shop]:
    async with httpx.AsyncClient(base_url=url, timeout=90, trust_env=False) as http:
        yield Shop(url, http)


@pytest.fixture
async def shop(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Shop]:
    """Its clock stands still; events go to the receiver."""
    options = Options(data=tmp_path / "stripe", api_key=API_KEY, is_frozen=True, webhook_seconds=60)
    running = SimulatorThread(options)
    await asyncio.to_thread(running.__enter__)
    try:
        async with shop_at(running.url) as made:
            await made.control("webhooks/endpoint", url=receiver.url, secret=SECRET)
            yield made
    finally:
        await asyncio.to_thread(running.__exit__)


@pytest.fixture
def client(shop: Shop) -> stripe.StripeClient:
    """The SDK without retries of its own."""
    return shop.client()


@pytest.fixture
async def async_client(shop: Shop) -> AsyncIterator[stripe.StripeClient]:
    """The SDK over httpx."""
    http: Any = stripe.HTTPXClient(timeout=60)
    yield shop.client(http_client=http)
    await http.close_async()


class SimulatorProcess:
    """``python -m simulators.stripe`` on one data folder."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self._folder = folder
        self._webhook = webhook
        self._process: asyncio.subprocess.Process | None = None
        (folder / "key").write_text(API_KEY)
        (folder / "secret").write_text(SECRET)

    @asynccontextmanager
    async def running(self, *more: str) -> AsyncIterator[Shop]:
        """Start it; whatever happened, it has ended afterwards."""
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators.stripe", "--port", "0", "--webhook", self._webhook),
            *("--data", str(self._folder / "data"), "--api-key-file", str(self._folder / "key")),
            *("--webhook-secret-file", str(self._folder / "secret"), *more),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(60):
                first = (await process.stdout.readline()).decode().split()
            assert first[0] == "stripe"
            async with shop_at(first[1]) as shop:
                yield shop
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            await self._process.wait()


@pytest.fixture
def simulator_process(tmp_path: Path, receiver: Receiver) -> SimulatorProcess:
    return SimulatorProcess(tmp_path, receiver.url)


def names(found: Iterator[Any]) -> list[str]:
    """Ids of what the SDK pages through."""
    return [one.id for one in found]

"""Clients that send signed events over kept connections, many at once, and take little time."""

import asyncio
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID, uuid4

_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Target:
    """A webhook route and the secret that its events are signed with."""

    url: str
    secret: str


def stripe_event(order_id: UUID) -> bytes:
    """A new event of an order, as large as Stripe's are."""
    about = {
        "id": f"cs_test_{uuid4().hex}",
        "object": "checkout.session",
        "metadata": {"order_id": str(order_id)},
        "payment_intent": f"pi_{order_id.hex}",
        "payment_status": "paid",
        "description": "-" * 2000,
    }
    event = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": about},
    }
    return json.dumps(event).encode()


async def send_events(target: Target, bodies: Sequence[bytes], *, at_once: int) -> list[float]:
    """Send each event once; seconds from its first byte to the end of its answer.

    Args:
        target: where to.
        bodies: of the events.
        at_once: connections, each with one event under way at any time.

    Raises:
        RuntimeError: one was not accepted.
    """
    requests = iter([_request(target, body) for body in bodies])
    taken: list[float] = []

    async def lane() -> None:
        address = urlsplit(target.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for request in requests:
            began = time.perf_counter()
            writer.write(request)
            await _accepted(reader)
            taken.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()

    async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(lane())
    return taken


def _request(target: Target, body: bytes) -> bytes:
    address, stamp = urlsplit(target.url), int(time.time())
    digest = hmac.digest(target.secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    head = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nStripe-Signature: t={stamp},v1={digest}\r\n\r\n"
    )
    return head.encode() + body


async def _accepted(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status, *lines = head.splitlines()
    length = next(line for line in lines if line.startswith("content-length:"))
    content = await reader.readexactly(int(length.partition(":")[2]))
    if " 200 " not in f"{status} ":
        raise RuntimeError(f"{status}: {content.decode()}")

"""Keys and addresses that cannot be right, and what the SDK's errors mean."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import stripe

from rekindle.adapters.stripe.door import API_VERSION, StripeDoor, as_ours
from rekindle.adapters.stripe.payments import EVENT_KINDS, StripePayments
from rekindle.errors import PaymentsRefused, PaymentsUnavailable, SettingsInvalid

KEY = "sk_test_0123456789"
LIVE = "live"
"""In parts, since scanners for secrets look for the whole."""


@pytest.mark.parametrize(
    "key", ["", "pk_test_1", "sk_test_", "whsec_1", "sk_prod_1", "sk_test_1 2", "sk_test_\u00fc"]
)
def test_a_key_that_is_none_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        StripeDoor(key, api_url=None, timeout=1)
    assert not key or key not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "is_live"),
    [
        ("sk_test_1", False),
        (f"sk_{LIVE}_1\n", True),
        ("rk_test_1", False),
        (f"rk_{LIVE}_1", True),
    ],
)
async def test_the_key_tells_the_mode(key: str, is_live: bool) -> None:
    door = StripeDoor(key, api_url="", timeout=1)
    assert door.is_live is is_live
    await door.close()


@pytest.mark.parametrize(
    "address",
    [
        "http://stripe.example",
        "http://10.0.0.1:8092",
        "ftp://127.0.0.1",
        "127.0.0.1:8092",
        "https://user:secret@stripe.example",  # pragma: allowlist secret
        "https://stripe.example/?a=b",
        "https://",
        "http://[::1",
    ],
)
def test_a_key_goes_to_no_unsafe_address(address: str) -> None:
    with pytest.raises(SettingsInvalid, match="STRIPE_API_URL") as refused:
        StripeDoor(KEY, api_url=address, timeout=1)
    assert "secret" not in str(refused.value)


async def test_the_sdk_is_quiet_and_its_version_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", True)
    door = StripeDoor(KEY, api_url=None, timeout=1)
    assert stripe.enable_telemetry is False
    # A newer SDK has types of a newer version: read its changes, then move the pin.
    assert stripe.api_version == API_VERSION
    assert len(EVENT_KINDS) <= 20
    await door.close()


def error_of(status: int | None, code: str | None = None) -> stripe.StripeError:
    return stripe.StripeError("sk_test_quoted", http_status=status, code=code)


@pytest.mark.parametrize("status", [200, 302, 408, 409, 424, 429, 500, 502, 503, 504])
def test_what_says_nothing_of_the_request_may_be_repeated(status: int) -> None:
    assert isinstance(as_ours(error_of(status), "pay"), PaymentsUnavailable)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
def test_what_is_wrong_with_the_request_stays_wrong(status: int) -> None:
    found = as_ours(error_of(status, "some_code"), "pay")
    assert isinstance(found, PaymentsRefused)
    assert str(found) == f"pay: HTTP {status} some_code"


Serving = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(replies: dict[bytes, bytes]) -> Serving:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(replies[head.partition(b" ")[0]])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return serve


@asynccontextmanager
async def payments_at(get: bytes, post: bytes = b"") -> AsyncIterator[StripePayments]:
    """The adapter in front of a server that has but one answer to each method."""
    serving = answering({b"GET": get, b"POST": post})
    server = await asyncio.start_server(serving, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        made = StripePayments(
            key=KEY, webhook_secret="", api_url=f"http://127.0.0.1:{port}/", timeout=60
        )
        yield made
        await made.close()


def http(status: str, body: bytes, *headers: str) -> bytes:
    length = f"Content-Length: {len(body)}"
    head = [f"HTTP/1.1 {status}", length, "Connection: close", *headers, "", ""]
    return "\r\n".join(head).encode() + body


@pytest.mark.parametrize(
    "reply",
    [
        http("200 OK", b"<html>a page</html>"),
        http("200 OK", b""),
        http("200 OK", b"\xff\xfe"),
        http("200 OK", b"{}"),
        http("200 OK", b"[]"),
        http("401 Unauthorized", b"<html>a page</html>"),
        http("502 Bad Gateway", b"<html>a page</html>"),
        http("502 Bad Gateway", b'{"error": "a word"}'),
        http("302 Found", b"{}", "Location: http://127.0.0.1:9/"),
        http("200 OK", b'{"object": "list", "data": [{"object": "event"}], "has_more": false}'),
        http("200 OK", b"{}").replace(b"Content-Length: 2", b"Content-Length: 20"),
        b"SSH-2.0-OpenSSH\r\n",
    ],
    ids=[
        *(
            "page",
            "empty",
            "bytes",
            "object",
            "list",
            "proxy-page",
            "gateway-page",
            "gateway-word",
            "redirect",
        ),
        *("no-event", "cut-off", "other-protocol"),
    ],
)
async def test_an_answer_that_stripe_would_not_give_is_no_verdict(reply: bytes) -> None:
    async with payments_at(reply) as payments:
        with pytest.raises(PaymentsUnavailable) as unknown:
            await payments.events(since=datetime.now(UTC))
        assert unknown.value.__cause__ is None
        assert "page" not in str(unknown.value)


SESSION = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "status": "open",
    "payment_status": "unpaid",
    "amount_total": 490,
    "currency": "eur",
    "url": "http://127.0.0.1:9/c/pay/cs_test_1",
    "payment_intent": None,
    "expires_at": 1_800_000_000,
    "metadata": {},
    "client_reference_id": None,
}


async def test_an_open_session_that_cannot_be_expired_now_may_be_tried_again() -> None:
    refusal = b'{"error": {"type": "invalid_request_error", "message": "a payment is under way"}}'
    get = http("200 OK", json.dumps(SESSION).encode())
    async with payments_at(get, http("400 Bad Request", refusal)) as payments:
        with pytest.raises(PaymentsUnavailable, match="open"):
            await payments.expire_session("cs_test_1", key="expire:1")

"""The simulator in this process, with a clock that only the test moves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.common.clock import Clock
from simulators.stripe.app import Simulator, create_app
from simulators.stripe.options import Options

API_KEY = "sk_test_0123456789abcdefghij"  # pragma: allowlist secret


class Shop:
    """A simulator, its clock, and a client with the account's key."""

    def __init__(self, app: Simulator, clock: Clock, http: httpx.AsyncClient) -> None:
        self.app = app
        self.clock = clock
        self.http = http

    def form(self, **changes: str) -> dict[str, str]:
        """Parameters of a session; a change of ``None`` cannot be, so leave out with ``drop``."""
        return {
            "mode": "payment",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "eur",
            "line_items[0][price_data][unit_amount]": "490",
            "line_items[0][price_data][product_data][name]": "Photo in HD",
            "success_url": "http://shop.example/orders/1?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://shop.example/orders/1",
            "client_reference_id": "order-1",
            "metadata[order_id]": "order-1",
            "payment_intent_data[metadata][order_id]": "order-1",
        } | changes

    async def post(
        self, path: str, form: dict[str, str] | None = None, key: str | None = None
    ) -> httpx.Response:
        """Call the API."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.post(path, data=form or {}, headers=headers)

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """Look at something; it must be there."""
        reply = await self.http.get(path, params=query)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def open_session(self, **changes: str) -> dict[str, Any]:
        reply = await self.post("/v1/checkout/sessions", self.form(**changes))
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        """Use a control route; it must be understood."""
        reply = await self.http.post(f"/simulator/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def refused(self, path: str, **body: Any) -> str:
        """Use a control route that says no; its sentence."""
        reply = await self.http.post(f"/simulator/{path}", json=body)
        assert reply.status_code == 400, reply.text
        return str(reply.json()["error"])

    async def paid_session(self, **changes: str) -> dict[str, Any]:
        """A session that was paid by card."""
        session = await self.open_session(**changes)
        return dict((await self.control("pay", session=session["id"]))["session"])

    async def charge_of(self, session: dict[str, Any]) -> dict[str, Any]:
        """The latest charge of a session's payment."""
        intent = await self.get(
            f"/v1/payment_intents/{session['payment_intent']}", **{"expand[]": "latest_charge"}
        )
        return dict(intent["latest_charge"])

    async def plan(self, *faults: dict[str, Any]) -> None:
        """Put a fault plan in force."""
        await self.control("faults", faults=list(faults))

    async def event_types(self) -> list[str]:
        """What happened, oldest first."""
        listed = await self.get("/v1/events", limit="100")
        return [event["type"] for event in listed["data"]][::-1]

    async def ledger(self) -> dict[str, Any]:
        return await self.get("/simulator/ledger")


MakeShop = Callable[..., Awaitable[Shop]]


def error_of(reply: httpx.Response) -> dict[str, Any]:
    """The error object of a refusal."""
    assert reply.status_code >= 400, reply.text
    return dict(reply.json()["error"])


@pytest.fixture
async def make_shop(tmp_path: Path) -> AsyncIterator[MakeShop]:
    """Build simulators; ``make_shop(clock=..., bank_seconds=...)``. One folder by default."""
    async with AsyncExitStack() as stack:

        async def make(clock: Clock | None = None, **changes: Any) -> Shop:
            clock = clock or Clock(is_frozen=True)
            defaults: dict[str, Any] = {"data": tmp_path / "stripe", "api_key": API_KEY}
            app = create_app(Options(**(defaults | changes)), clock)
            stack.push_async_callback(app.aclose)
            http = httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://simulator",
                headers={"Authorization": f"Bearer {API_KEY}"},
                timeout=30,
            )
            await stack.enter_async_context(http)
            return Shop(app, clock, http)

        yield make


@pytest.fixture
async def shop(make_shop: MakeShop) -> Shop:
    """A bank takes a minute of a clock that stands still."""
    return await make_shop()

"""An account at the simulator of Stripe, and the adapter in front of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from rekindle.adapters.stripe import StripePayments
from rekindle.ports.payments import CheckoutOrder, CheckoutSession, PaymentFacts, Payments
from simulators.stripe.options import Options
from simulators.stripe.server import SimulatorThread

KEY = "sk_test_accountOfTheTests0123456789"
SECRET = "whsec_ofTheTests"  # pragma: allowlist secret


@dataclass
class Shop:
    """A running simulator, what a test may do to it, and one order."""

    url: str
    http: httpx.AsyncClient
    payments: Payments
    order_id: UUID = field(default_factory=uuid4)

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        """Use a control route; it must be understood."""
        reply = await self.http.post(f"/simulator/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def plan(self, *faults: dict[str, Any]) -> None:
        """What goes wrong from now on."""
        await self.control("faults", faults=list(faults))

    async def look(self, path: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/simulator/{path}")).json())

    async def session_ids(self) -> list[str]:
        """Of all sessions that the account has."""
        return [each["id"] for each in (await self.look("ledger"))["sessions"]]

    async def keys_used(self) -> list[str]:
        """The idempotency key of every POST, in order."""
        requests = (await self.look("ledger"))["requests"]
        return [str(each["idempotency_key"]) for each in requests]

    def order(self, **changes: Any) -> CheckoutOrder:
        words: dict[str, Any] = {
            "order_id": self.order_id,
            "amount": 490,
            "currency": "eur",
            "name": "Photo in HD",
            "email": "ada@example.org",
            "success_url": "http://127.0.0.1:9/orders/1?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:9/orders/1",
            "expires_at": datetime.now(UTC) + timedelta(hours=12),
            "key": f"order:{self.order_id}:1",
        }
        return CheckoutOrder(**words | changes)

    async def paid(self, how: str = "card", **changes: Any) -> CheckoutSession:
        """A session after its person pressed a button, as Stripe had it before."""
        session = await self.payments.open_session(self.order(**changes))
        await self.control("pay", session=session.session_id, **{"with": how})
        return session

    async def facts_of(self, *sessions: CheckoutSession) -> PaymentFacts:
        ids = [each.session_id for each in sessions]
        return await self.payments.facts(self.order_id, session_ids=ids, payment_ids=[])

    async def payment_of(self, session: CheckoutSession) -> str:
        (payment,) = (await self.facts_of(session)).payments
        return payment.payment_id


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """Its clock stands still; events go nowhere."""
    options = Options(data=tmp_path / "stripe", api_key=KEY, is_frozen=True, bank_seconds=3600)
    running = SimulatorThread(options)
    await asyncio.to_thread(running.__enter__)
    try:
        payments = StripePayments(key=KEY, webhook_secret=SECRET, api_url=running.url, timeout=120)
        async with httpx.AsyncClient(base_url=running.url, timeout=120, trust_env=False) as http:
            yield Shop(running.url, http, payments)
        await payments.close()
    finally:
        await asyncio.to_thread(running.__exit__)

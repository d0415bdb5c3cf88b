"""An account at the simulator of Stripe, and orders that anything may happen to."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from activities.orders import OrderActivities, OrderTerms
from rekindle.adapters.stripe import StripePayments
from rekindle.contracts.orders import Product
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from rekindle.models import Attempt, Job, Order
from rekindle.rules.prices import price_of
from rekindle.store import attempts, jobs, orders, users
from rekindle.store.database import Database
from simulators.common.clock import Clock
from simulators.stripe.options import Options
from simulators.stripe.server import SimulatorThread
from tests.services.orders.stories.post import PostOffice
from tests.services.orders.stories.world import World

KEY = "sk_test_accountOfTheStories0123456789"  # pragma: allowlist secret
SECRET = "whsec_ofTheStories"  # pragma: allowlist secret
OFFER = timedelta(hours=1)
STAMP = "20261120T101010-0123abcd"
TERMS = OrderTerms(
    success_url="http://127.0.0.1:9/checkout/{order_id}/success?session_id={CHECKOUT_SESSION_ID}",
    cancel_url="http://127.0.0.1:9/checkout/{order_id}/cancel",
    offer=OFFER,
    graphs={
        Product.HD_IMAGE: "upscale_classic",
        Product.HD_ANIMATION: "upscale_video_classic",
    },
    deadline=timedelta(days=999),  # rows are as old as this test, however far the clock was moved
    max_retries=1,
    retry_backoff_base=0.0,
    secret_key="s" * 32,
)


class Street:
    """Where orders begin: one account, one database, one clock that stands still by itself."""

    def __init__(
        self, http: httpx.AsyncClient, database: Database, payments: StripePayments, clock: Clock
    ) -> None:
        self.http, self._database = http, database
        self._payments, self._clock = payments, clock
        self._acts = OrderActivities(
            database=database, payments=payments, terms=TERMS, now=self._now
        )

    async def begins(self) -> tuple[World, PostOffice]:
        """A fresh order of a restored photo of its own, and what is announced of it."""
        order = await self._order()
        world = World(self.http, self._database, self._acts, order)
        return world, PostOffice(world, self._payments, since=self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    async def _order(self) -> Order:
        price, job_id, attempt_id = price_of(Product.HD_IMAGE, "eur"), uuid4(), uuid4()
        order = Order(
            id=uuid4(),
            job_id=job_id,
            attempt_id=attempt_id,
            product=Product.HD_IMAGE,
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=self._now() + OFFER,
        )
        async with self._database.transaction() as session:
            user_id = await users.remember(session, issuer="https://i.test/", subject=str(job_id))
            job = Job(
                id=job_id,
                user_id=user_id,
                email="ada@example.org",
                original_key="uploaded/x.jpg",
                original_media_type="image/jpeg",
                original_sha256="0" * 64,
                original_bytes=10,
                working_key="working/x.png",
                width=4,
                height=3,
            )
            restored = Attempt(
                id=attempt_id,
                job_id=job_id,
                status=AttemptStatus.SUCCEEDED,
                stage=None,
                graph="restore_classic",
                graph_version="1",
                gpu_class=GpuClass.IMAGE,
                priority=3,
                parameters={},
                stamp=STAMP,
                master_key=f"restored/{job_id}/{STAMP}_master.png",
            )
            await jobs.record(session, job)
            await attempts.record(session, restored)
            return await orders.open_or_reuse(session, order)


@pytest.fixture
async def street(tmp_path: Path, database: Database) -> AsyncIterator[Street]:
    clock = Clock(is_frozen=True)
    options = Options(data=tmp_path / "stripe", api_key=KEY, is_frozen=True, bank_seconds=10**7)
    running = SimulatorThread(options, clock=clock)
    await asyncio.to_thread(running.__enter__)
    try:
        payments = StripePayments(
            key=KEY, webhook_secret=SECRET, api_url=running.url, timeout=60, now=clock.now
        )
        async with httpx.AsyncClient(base_url=running.url, timeout=120, trust_env=False) as http:
            yield Street(http, database, payments, clock)
        await payments.close()
    finally:
        await asyncio.to_thread(running.__exit__)

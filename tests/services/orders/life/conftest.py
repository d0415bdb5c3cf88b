"""One order from its checkout page on: real Postgres, real Temporal, the simulator of Stripe."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import ActivityEnvironment, TimeSkipper
from temporalio.worker import Interceptor

from activities.orders import OrderActivities, OrderTerms
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.stripe import StripePayments
from rekindle.adapters.temporal import register_search_attributes
from rekindle.contracts import orders as contract
from rekindle.contracts import queues, renders
from rekindle.contracts.orders import (
    Checkout,
    OrderLook,
    OrderRef,
    OrderStatus,
    Product,
    hd_attempt_id,
)
from rekindle.contracts.renders import GraphOutput, RenderInput, RenderResult
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from rekindle.models import Attempt, Job, Order, OrderRefund
from rekindle.ports.payments import Payments
from rekindle.rules.prices import price_of
from rekindle.store import attempts, orders, payment_events, refunds
from rekindle.store.attempts import Result
from rekindle.store.database import Database
from simulators.common.clock import Clock
from simulators.stripe.options import Options
from simulators.stripe.server import SimulatorThread
from tests.services import rows
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.hd_order import HdOrder

KEY = "sk_test_accountOfTheOrders0123456789"  # pragma: allowlist secret
SECRET = "whsec_ofTheOrders"  # pragma: allowlist secret
PATIENCE = 120
TERMS = OrderTerms(
    success_url="http://127.0.0.1:9/checkout/{order_id}/success?session_id={CHECKOUT_SESSION_ID}",
    cancel_url="http://127.0.0.1:9/checkout/{order_id}/cancel",
    offer=timedelta(hours=1),
    graphs={
        Product.HD_IMAGE: "upscale_classic",
        Product.HD_ANIMATION: "upscale_video_classic",
    },
    deadline=timedelta(minutes=15),
    max_retries=1,
    retry_backoff_base=0.0,
    secret_key="s" * 32,
)


@workflow.defn(name=renders.RENDER, sandboxed=False)
class ScriptedRender:
    """Ends as the test says."""

    @workflow.run
    async def run(self, order: RenderInput) -> RenderResult:
        status = await workflow.execute_activity(
            "scripted_render",
            order,
            start_to_close_timeout=timedelta(seconds=PATIENCE),
            result_type=AttemptStatus,
        )
        return RenderResult(attempt_id=order.attempt_id, status=status)


@dataclass
class Script:
    """How renders end; they wait until they may."""

    database: Database
    ends: AttemptStatus = AttemptStatus.SUCCEEDED
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    rendered: list[RenderInput] = field(default_factory=list)
    failing: set[UUID | None] = field(default_factory=set)
    """Attempts whose HD fails, whatever the others do."""

    @activity.defn(name="scripted_render")
    async def render(self, order: RenderInput) -> AttemptStatus:
        self.rendered.append(order)
        await self.may_end.wait()
        ends = AttemptStatus.FAILED if order.source_id in self.failing else self.ends
        async with self.database.transaction() as session:
            if ends is not AttemptStatus.SUCCEEDED:
                await attempts.close(session, order.attempt_id, ends, error_code="graph_failed")
                return ends
            key = order.output_key.replace("_unlabelled", "")
            output = GraphOutput(
                key=order.output_key, sha256="0" * 64, size_bytes=1, engine_seconds=1, pod_id="p"
            )
            result = Result(key=key, sha256="0" * 64, width=8, height=6)
            await attempts.succeed(session, order.attempt_id, output, result)
        return ends


@dataclass
class Account:
    """An account at the simulator, whose clock stands still until it is moved."""

    http: httpx.AsyncClient
    payments: Payments
    clock: Clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        """Use a control route; it must be understood."""
        reply = await self.http.post(f"/simulator/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def plan(self, *faults: dict[str, Any]) -> None:
        """What goes wrong from now on."""
        await self.control("faults", faults=list(faults))

    async def ledger(self, order_id: UUID) -> dict[str, Any]:
        reply = await self.http.get("/simulator/ledger", params={"reference": str(order_id)})
        return dict(reply.json())

    async def clean(self) -> bool:
        """Whether no key was ever used for two things."""
        reply = await self.http.get("/simulator/ledger")
        return not reply.json()["keys_with_two_meanings"]


@dataclass
class Sale:
    """One order, its person, and everything that has to do with it."""

    client: Client
    database: Database
    account: Account
    commands: TemporalOrders
    script: Script
    order_id: UUID
    job_id: UUID

    async def checkout(self) -> Checkout:
        return await self.commands.checkout(self.order_id)

    async def pay(self, how: str = "card", session_id: str | None = None, **words: Any) -> str:
        """Press a button of the page; returns the session's id. Nobody is told."""
        session_id = session_id or (await self.order()).session_ids[-1]
        await self.account.control("pay", session=session_id, **{"with": how, **words})
        return session_id

    async def hear(self) -> None:
        """Receive every event that the account ever had, once more, as the webhook would."""
        since = self.account.now() - timedelta(days=29)
        for event in await self.account.payments.events(since=since):
            async with self.database.transaction() as session:
                await payment_events.note(session, event)
                found = event.order_id or await payment_events.attribute(session, event)
            if found == self.order_id:
                await self.commands.wake(self.order_id)

    async def look(self) -> OrderLook:
        """What another worker sees, while the workflow may be looking too."""
        look: OrderLook = await ActivityEnvironment().run(
            activities_of(self.database, self.account).reconcile_order,
            OrderRef(order_id=self.order_id),
        )
        return look

    async def wake(self) -> None:
        await self.commands.wake(self.order_id)

    async def order(self) -> Order:
        async with self.database.transaction() as session:
            found = await orders.by_id(session, self.order_id)
        assert found is not None
        return found

    async def hd(self) -> Attempt | None:
        async with self.database.transaction() as session:
            return await attempts.by_id(session, hd_attempt_id(self.order_id))

    async def ledger(self) -> list[OrderRefund]:
        async with self.database.transaction() as session:
            return list(await refunds.of_order(session, self.order_id))

    async def entitled(self) -> str | None:
        async with self.database.transaction() as session:
            return await rows.entitlement(session, self.order_id)

    async def until(self, *statuses: OrderStatus) -> Order:
        """The order, once it stands so."""
        return await self.until_order(lambda order: order.status in statuses)

    async def until_order(self, wanted: Callable[[Order], bool]) -> Order:
        order = await self.order()
        async with asyncio.timeout(PATIENCE):
            while not wanted(order):
                await asyncio.sleep(0.05)
                order = await self.order()
        return order

    async def until_rendered(self) -> None:
        """Return when HD is there, whether or not the order has heard of it."""
        async with asyncio.timeout(PATIENCE):
            while (hd := await self.hd()) is None or hd.status != AttemptStatus.SUCCEEDED:
                await asyncio.sleep(0.05)

    async def until_details(self, words: str) -> None:
        """Return when the workflow says so in its current details."""
        async with asyncio.timeout(PATIENCE):
            while words not in await self.details():
                await asyncio.sleep(0.05)

    async def details(self) -> str:
        """What the workflow tells in the Web UI."""
        told: str = await self.handle.query("__temporal_workflow_metadata")
        return str(told)

    async def until_attributes(self, *stages: str, paid: str) -> None:
        """Return when operators find the workflow by these search attributes."""
        named = ", ".join(f"'{stage}'" for stage in stages)
        wanted = f"RekindleStage IN ({named}) AND RekindlePaid = '{paid}'"
        query = f"WorkflowId = '{self.handle.id}' AND {wanted}"
        async with asyncio.timeout(PATIENCE):
            while not (await self.client.count_workflows(query)).count:
                await asyncio.sleep(0.05)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(contract.workflow_id(self.order_id))

    async def pass_time(self, time: timedelta) -> None:
        """Time passes, for the provider and for the order's workflow."""
        await self.account.control("clock", advance=time.total_seconds())
        await TimeSkipper(self.client).fast_forward(self.handle, time)

    async def ended(self) -> None:
        """Return when the workflow has closed by itself."""
        await asyncio.wait_for(self.handle.result(), PATIENCE)

    async def stopped(self) -> None:
        """Return when the workflow has closed, however."""
        async with asyncio.timeout(PATIENCE):
            while (await self.handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                await asyncio.sleep(0.05)

    async def money(self) -> tuple[int, int]:
        """What the account captured and gave back, by its own ledger; its keys were all sound."""
        found = (await self.account.ledger(self.order_id))["payments"]
        assert await self.account.clean()
        return sum(p["captured"] for p in found), sum(p["refunded"] for p in found)

    async def delivered(self) -> Order:
        """Check out, pay by card, and have it rendered."""
        await self.checkout()
        await self.pay()
        await self.wake()
        self.script.may_end.set()
        return await self.until(OrderStatus.DELIVERED)


@pytest.fixture
async def account(tmp_path: Path) -> AsyncIterator[Account]:
    clock = Clock(is_frozen=True)
    options = Options(
        data=tmp_path / "stripe", api_key=KEY, is_frozen=True, bank_seconds=30 * 86_400
    )
    running = SimulatorThread(options, clock=clock)
    await asyncio.to_thread(running.__enter__)
    try:
        payments = StripePayments(
            key=KEY, webhook_secret=SECRET, api_url=running.url, timeout=60, now=clock.now
        )
        async with httpx.AsyncClient(
            base_url=running.url, timeout=PATIENCE, trust_env=False
        ) as http:
            yield Account(http, payments, clock)
        await payments.close()
    finally:
        await asyncio.to_thread(running.__exit__)


def activities_of(
    database: Database, account: Account | None, terms: OrderTerms = TERMS
) -> OrderActivities:
    if account is None:
        return OrderActivities(database=database, payments=None, terms=terms)
    return OrderActivities(
        database=database, payments=account.payments, terms=terms, now=account.now
    )


@asynccontextmanager
async def working(
    client: Client,
    database: Database,
    account: Account,
    script: Script,
    interceptors: Sequence[Interceptor] = (),
) -> AsyncIterator[OrderActivities]:
    """A worker for orders, whose renders are scripted."""
    acts = activities_of(database, account)
    async with Worker(
        client,
        task_queue=queues.CONTROL,
        workflows=[HdOrder, ScriptedRender],
        activities=[
            acts.open_checkout,
            acts.reconcile_order,
            acts.prepare_hd,
            acts.prepare_items,
            script.render,
        ],
        workflow_runner=workflow_runner(),
        workflow_failure_exception_types=[Exception],
        interceptors=interceptors,
        max_heartbeat_throttle_interval=timedelta(seconds=2),
    ):
        yield acts


@pytest.fixture
async def idle_sale(temporal: Client, database: Database, account: Account) -> Sale:
    """An order without any worker."""
    await register_search_attributes(temporal)
    job = await photo(database)
    restored = await restoration(database, job)
    price = price_of(Product.HD_IMAGE, "eur")
    order = Order(
        id=uuid4(),
        job_id=job.id,
        attempt_id=restored.id,
        product=Product.HD_IMAGE,
        amount=price.amount,
        currency=price.currency,
        price_version=price.version,
        expires_at=account.now() + timedelta(hours=1),
    )
    async with database.transaction() as session:
        await orders.open_or_reuse(session, order)
    return Sale(
        client=temporal,
        database=database,
        account=account,
        commands=TemporalOrders(temporal, patience_seconds=PATIENCE),
        script=Script(database),
        order_id=order.id,
        job_id=job.id,
    )


@pytest.fixture
async def sale(idle_sale: Sale) -> AsyncIterator[Sale]:
    """An order that nobody has seen a page of yet."""
    this = idle_sale
    async with working(this.client, this.database, this.account, this.script):
        yield this
        this.script.may_end.set()


async def photo(database: Database) -> Job:
    async with database.transaction() as session:
        return await rows.stored_job(session)


async def restoration(database: Database, job: Job) -> Attempt:
    row = Attempt(
        id=uuid4(),
        job_id=job.id,
        status=AttemptStatus.SUCCEEDED,
        stage=None,
        graph="restore_classic",
        graph_version="1",
        gpu_class=GpuClass.IMAGE,
        priority=3,
        parameters={},
        stamp="20261120T101010-0123abcd",
        master_key=f"restored/{job.id}/20261120T101010-0123abcd_master.png",
    )
    async with database.transaction() as session:
        await attempts.record(session, row)
    return row

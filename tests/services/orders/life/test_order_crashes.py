"""A worker that dies before a call, between call and record, or after the record."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from rekindle.contracts.orders import OrderRef, OrderStatus
from rekindle.contracts.statuses import AttemptStatus
from rekindle.ports.payments import (
    CheckoutOrder,
    CheckoutSession,
    PaymentEvent,
    PaymentFacts,
    Payments,
    Refund,
)
from tests.services.orders.life.conftest import Sale, activities_of, working

CALLS = ("facts", "open_session", "refund")
REPORTING = {"open_checkout", "reconcile_order", "prepare_hd"}


class Died(Exception):
    """What is left of a worker process."""


@dataclass
class Fatal:
    """The provider, at one of whose calls the process dies, once."""

    real: Payments
    call: str
    is_after: bool
    deaths: int = 0

    async def _call(self, name: str, calling: Any) -> Any:
        dies = name == self.call and not self.deaths
        if dies and not self.is_after:
            self.deaths += 1
            calling.close()
            raise Died
        found = await calling
        if dies:
            self.deaths += 1
            raise Died
        return found

    async def open_session(self, order: CheckoutOrder) -> CheckoutSession:
        made: CheckoutSession = await self._call("open_session", self.real.open_session(order))
        return made

    async def expire_session(self, session_id: str, *, key: str) -> CheckoutSession:
        return await self.real.expire_session(session_id, key=key)

    async def facts(
        self, order_id: UUID, *, session_ids: Sequence[str], payment_ids: Sequence[str]
    ) -> PaymentFacts:
        reading = self.real.facts(order_id, session_ids=session_ids, payment_ids=payment_ids)
        found: PaymentFacts = await self._call("facts", reading)
        return found

    async def refund(self, payment_id: str, *, amount: int, order_id: UUID, key: str) -> Refund:
        giving = self.real.refund(payment_id, amount=amount, order_id=order_id, key=key)
        made: Refund = await self._call("refund", giving)
        return made

    async def events(self, *, since: datetime) -> Sequence[PaymentEvent]:
        return await self.real.events(since=since)

    async def money(self, *, since: datetime) -> PaymentFacts:
        return await self.real.money(since=since)

    def verify(self, body: bytes, signature: str) -> PaymentEvent:
        return self.real.verify(body, signature)


class LostReports(Interceptor):
    """An activity does its work, and its process dies before it can say so, once for each kind."""

    def __init__(self) -> None:
        self.lost: set[str] = set()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Losing(next, self.lost)


class _Losing(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, lost: set[str]) -> None:
        super().__init__(next)
        self._lost = lost

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        found = await super().execute_activity(input)
        name = input.fn.__name__
        if name in REPORTING and name not in self._lost:
            self._lost.add(name)
            raise Died
        return found


async def sold(sale: Sale) -> None:
    """Sell, and fail to make HD: every kind of call is made."""
    sale.script.ends = AttemptStatus.FAILED
    sale.script.may_end.set()
    page = await sale.checkout()
    assert page.url is not None
    await sale.pay()
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.money() == (order.amount, order.amount)
    assert len((await sale.account.ledger(sale.order_id))["sessions"]) == 1
    assert len([row for row in await sale.ledger() if row.void_at is None]) == 1
    assert len(sale.script.rendered) == 1
    await sale.ended()


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_crash_at_any_call_changes_nothing_in_the_end(
    idle_sale: Sale, call: str, is_after: bool
) -> None:
    this = idle_sale
    fatal = Fatal(this.account.payments, call, is_after)
    account = replace(this.account, payments=fatal)
    async with working(this.client, this.database, account, this.script):
        await sold(this)
    assert fatal.deaths == 1


async def test_work_whose_report_is_lost_is_not_done_twice(idle_sale: Sale) -> None:
    this, lost = idle_sale, LostReports()
    async with working(this.client, this.database, this.account, this.script, [lost]):
        await sold(this)
    assert lost.lost == REPORTING


async def test_another_worker_goes_on_where_one_left(idle_sale: Sale) -> None:
    this = idle_sale
    async with working(this.client, this.database, this.account, this.script):
        await this.checkout()
    await this.pay()
    await this.wake()
    this.script.may_end.set()
    async with working(this.client, this.database, this.account, this.script):
        order = await this.until(OrderStatus.DELIVERED)
        assert await this.money() == (order.amount, 0)


@pytest.mark.parametrize("how", ["terminate", "cancel"])
async def test_a_wake_revives_an_order_that_was_stopped_by_hand(sale: Sale, how: str) -> None:
    page = await sale.checkout()
    await (sale.handle.terminate() if how == "terminate" else sale.handle.cancel())
    await sale.stopped()
    assert await sale.checkout() == page
    await sale.pay()
    await sale.wake()
    await sale.until(OrderStatus.PAID, OrderStatus.RENDERING)
    await sale.until_order(lambda _: bool(sale.script.rendered))
    await (sale.handle.terminate() if how == "terminate" else sale.handle.cancel())
    await sale.stopped()
    sale.script.may_end.set()
    await sale.wake()
    await sale.until_rendered()
    await sale.wake()
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.money() == (order.amount, 0)
    assert len(sale.script.rendered) == 1
    assert (await sale.handle.describe()).status is not WorkflowExecutionStatus.FAILED


async def test_what_was_prepared_is_rendered_although_the_workflow_was_stopped_then(
    sale: Sale,
) -> None:
    """The row of the HD attempt is there, its render is not."""
    await sale.checkout()
    await sale.pay()
    acts = activities_of(sale.database, sale.account)
    prepared = await ActivityEnvironment().run(acts.prepare_hd, OrderRef(order_id=sale.order_id))
    assert prepared is not None
    await sale.wake()
    sale.script.may_end.set()
    await sale.until(OrderStatus.DELIVERED)
    assert sale.script.rendered == [prepared]

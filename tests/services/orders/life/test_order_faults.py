"""The provider is away, slow to answer or forgets to: nothing happens twice, nothing is lost."""

from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from rekindle.contracts.orders import OrderRef, OrderStatus, RefundReason
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import OrderNotFound, PaymentsDisabled, PaymentsRefused, PaymentsUnavailable
from rekindle.store import orders
from tests.services.orders.life.conftest import TERMS, Sale, activities_of

OPENING, READING = "POST /v1/checkout/sessions", "GET /v1/*"
REFUNDING = "POST /v1/refunds"
EXPIRING = "POST /v1/checkout/sessions/*/expire"

FAULTS: list[dict[str, Any]] = [
    {"kind": "reset"},
    {"kind": "lost_reply"},
    {"kind": "server_error", "status_code": 503},
    {"kind": "server_error", "status_code": 500, "saved": True},
    {"kind": "error_after", "status_code": 500, "saved": False},
    {"kind": "error_after", "status_code": 500, "saved": True},
    {"kind": "rate_limited", "seconds": 1},
]


def name(fault: dict[str, Any]) -> str:
    return f"{fault['kind']}{'-kept' * fault.get('saved', False)}"


@pytest.mark.parametrize("fault", FAULTS, ids=name)
async def test_a_page_is_opened_once_whatever_befalls_the_call(
    sale: Sale, fault: dict[str, Any]
) -> None:
    await sale.account.plan({**fault, "route": OPENING})
    page = await sale.checkout()
    assert page.url is not None
    (session,) = (await sale.account.ledger(sale.order_id))["sessions"]
    assert session["status"] == "open"
    assert session["id"] in page.url
    assert await sale.checkout() == page
    await sale.pay()
    await sale.wake()
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.money() == (order.amount, 0)


@pytest.mark.parametrize("fault", FAULTS, ids=name)
async def test_money_goes_back_once_whatever_befalls_the_call(
    sale: Sale, fault: dict[str, Any]
) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.account.plan({**fault, "route": REFUNDING})
    sale.script.ends = AttemptStatus.FAILED
    sale.script.may_end.set()
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.money() == (order.amount, order.amount)
    rows = [row for row in await sale.ledger() if row.void_at is None]
    assert [(row.amount, row.reason) for row in rows] == [(order.amount, RefundReason.HD_FAILED)]
    assert rows[0].refund_id is not None


@pytest.mark.parametrize("fault", FAULTS, ids=name)
async def test_a_page_that_must_not_be_paid_is_closed_whatever_befalls_the_call(
    sale: Sale, fault: dict[str, Any]
) -> None:
    await sale.checkout()
    await sale.account.plan({**fault, "route": EXPIRING})
    async with sale.database.transaction() as session:
        assert await orders.close(session, sale.order_id)
    await sale.wake()
    await sale.until(OrderStatus.EXPIRED)
    await sale.account.control("clock", advance=61)  # a kept answer is kept for its key alone
    await sale.wake()
    await sale.ended()
    (session_,) = (await sale.account.ledger(sale.order_id))["sessions"]
    assert session_["status"] == "expired"


@pytest.mark.parametrize("fault", [FAULTS[0], FAULTS[2]], ids=name)
async def test_a_payment_is_found_although_reading_fails_at_first(
    sale: Sale, fault: dict[str, Any]
) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.account.plan({**fault, "route": READING, "count": 2})
    sale.script.may_end.set()
    await sale.wake()
    await sale.until(OrderStatus.DELIVERED)


async def test_a_provider_that_is_away_is_told_to_whoever_asks_for_a_page(sale: Sale) -> None:
    await sale.account.plan({"kind": "reset", "route": "* /v1/*", "count": None})
    with pytest.raises(PaymentsUnavailable):
        await sale.checkout()
    await sale.account.control("faults", faults=[])
    assert (await sale.checkout()).url is not None
    assert len((await sale.account.ledger(sale.order_id))["sessions"]) == 1


async def test_a_look_is_repeated_when_the_provider_has_been_away_for_long(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.account.plan({"kind": "reset", "route": READING, "count": None})
    await sale.wake()
    await sale.until_details("payments_unavailable")
    await sale.account.control("faults", faults=[])
    sale.script.may_end.set()
    await sale.wake()
    await sale.until(OrderStatus.DELIVERED)


async def test_what_the_provider_refuses_is_told_at_once(sale: Sale) -> None:
    order = await sale.order()
    async with sale.database.transaction() as session:
        await orders.change(session, order.id, amount=1)  # below what a card can be charged
    with pytest.raises(PaymentsRefused):
        await sale.checkout()


async def test_a_page_is_opened_anew_when_its_address_was_changed_between_two_tries(
    sale: Sale,
) -> None:
    """The key stands for other parameters then."""
    await sale.account.plan(
        {"kind": "server_error", "route": OPENING, "status_code": 500, "saved": True}
    )
    acts = activities_of(sale.database, sale.account)
    ref = OrderRef(order_id=sale.order_id)
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(acts.open_checkout, ref)
    moved = replace(TERMS, success_url="http://127.0.0.1:9/elsewhere/{order_id}")
    page = await ActivityEnvironment().run(
        activities_of(sale.database, sale.account, moved).open_checkout, ref
    )
    assert page.url is not None
    assert (await sale.order()).sessions_begun == 2


async def test_a_session_that_was_lost_is_found_when_its_key_is_of_no_use_any_more(
    sale: Sale,
) -> None:
    await sale.account.plan({"kind": "lost_reply", "route": OPENING})
    acts = activities_of(sale.database, sale.account)
    ref = OrderRef(order_id=sale.order_id)
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(acts.open_checkout, ref)
    await sale.account.control("clock", advance=45 * 60)  # less than 30 minutes are left
    page = await sale.checkout()
    (session,) = (await sale.account.ledger(sale.order_id))["sessions"]
    assert session["id"] in (page.url or "")


async def test_an_unmade_session_gets_a_new_number_when_its_key_is_of_no_use_any_more(
    sale: Sale,
) -> None:
    await sale.account.plan({"kind": "reset", "route": OPENING})
    acts = activities_of(sale.database, sale.account)
    ref = OrderRef(order_id=sale.order_id)
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(acts.open_checkout, ref)
    await sale.account.control("clock", advance=45 * 60)
    page = await sale.checkout()
    assert page.url is not None
    assert (await sale.order()).sessions_begun == 2
    assert len((await sale.account.ledger(sale.order_id))["sessions"]) == 1


async def test_without_an_account_nothing_can_be_bought(idle_sale: Sale) -> None:
    acts = activities_of(idle_sale.database, None)
    ref = OrderRef(order_id=idle_sale.order_id)
    for activity in (acts.open_checkout, acts.reconcile_order):
        with pytest.raises(ApplicationError) as failure:
            await ActivityEnvironment().run(activity, ref)
        assert (failure.value.type, failure.value.non_retryable) == (PaymentsDisabled.code, True)


async def test_an_order_that_nobody_knows_is_looked_at_once(sale: Sale) -> None:
    unknown = replace(sale, order_id=sale.job_id)
    await unknown.wake()
    await unknown.ended()
    with pytest.raises(OrderNotFound):
        await unknown.checkout()

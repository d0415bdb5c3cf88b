"""When nobody says that something happened, somebody looks all the same: soon, then seldom."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.contracts.orders import OrderStatus
from rekindle.rules.orders import GRACE, look_after

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pause(
    status: OrderStatus, *, expires_in: timedelta = HOUR, waited: timedelta = timedelta(0)
) -> timedelta:
    return look_after(status, now=NOW, expires_at=NOW + expires_in, changed_at=NOW - waited)


@pytest.mark.parametrize("status", [OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT], ids=str)
def test_an_unpaid_order_is_looked_at_when_its_page_has_surely_ended(status: OrderStatus) -> None:
    assert pause(status) == HOUR + GRACE
    assert pause(status, expires_in=-GRACE) == timedelta(minutes=2)


@pytest.mark.parametrize("status", [OrderStatus.PAID, OrderStatus.RENDERING], ids=str)
def test_what_is_owed_is_looked_at_often(status: OrderStatus) -> None:
    assert pause(status, waited=10 * HOUR) == timedelta(seconds=30)


def test_a_refund_under_way_is_looked_at_ever_less_often() -> None:
    pauses = [pause(OrderStatus.REFUNDING, waited=n * HOUR) for n in (0, 1, 8, 24, 240)]
    minutes = [each / timedelta(minutes=1) for each in pauses]
    assert minutes == [2, 15, 120, 360, 360]


@given(
    st.sampled_from(OrderStatus),
    st.timedeltas(min_value=timedelta(days=-40), max_value=timedelta(days=1)),
    st.timedeltas(min_value=timedelta(days=-1), max_value=timedelta(days=40)),
)
def test_a_look_is_neither_at_once_nor_after_days(
    status: OrderStatus, expires_in: timedelta, waited: timedelta
) -> None:
    found = pause(status, expires_in=expires_in, waited=waited)
    assert timedelta(seconds=30) <= found <= timedelta(days=1) + GRACE

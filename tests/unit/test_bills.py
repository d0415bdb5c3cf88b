"""Ledger and bill side by side: rules without any service."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rekindle.rules.bills import (
    Billed,
    by_class,
    by_day,
    by_pod,
    corrected_end,
    total,
    whole_hours,
)
from rekindle.rules.costs import Period, PodLife

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RATE = Decimal("0.36")


def pod(name: str = "rk-1", *, began: datetime = NOON, **facts: object) -> PodLife:
    shared: dict[str, object] = {"gpu_class": "image", "usd_per_hour": RATE, **facts}
    return PodLife(pod_id=name, rented_at=began, **shared)  # type: ignore[arg-type]


def bill(of: PodLife | None, at: datetime, usd: str = "0.36", cloud_id: str = "c") -> Billed:
    return Billed(of, cloud_id, at, Decimal(usd), Decimal("0.01"))


def test_a_bill_that_says_what_the_ledger_says_makes_no_difference() -> None:
    ours = pod(ended_at=NOON + 2 * HOUR)
    bills = [bill(ours, NOON), bill(ours, NOON + HOUR)]
    found = total([ours], bills, Period(NOON, NOON + 24 * HOUR))
    assert (found.ledger_usd, found.gpu_usd) == (2 * RATE, 2 * RATE)
    assert found.difference_usd == 0
    assert found.other_usd == Decimal("0.02")
    assert found.is_settled


def test_while_rows_of_its_bill_may_come_a_pod_is_not_settled() -> None:
    period = Period(NOON, NOON + 24 * HOUR)
    just_ended = pod(ended_at=period.end - HOUR / 2)
    assert not total([just_ended], [], period).is_settled
    assert not total([pod()], [], period).is_settled
    assert total([pod(ended_at=period.end - HOUR * 2)], [], period).is_settled


def test_by_day_the_past_is_settled_although_a_pod_is_still_there() -> None:
    period = Period(NOON, NOON + 24 * HOUR)
    ours = pod()
    bills = [bill(ours, NOON + hours * HOUR) for hours in range(24)]
    first, second = by_day([ours], bills, period)
    assert (first.name, second.name) == ("2026-03-01", "2026-03-02")
    assert (first.gpu_usd, second.gpu_usd) == (12 * RATE, 12 * RATE)
    assert (first.is_settled, second.is_settled) == (True, False)
    assert first.difference_usd == second.difference_usd == 0


def test_a_billed_pod_that_the_ledger_does_not_know_stands_alone() -> None:
    ours, period = pod(ended_at=NOON + HOUR), Period(NOON, NOON + 24 * HOUR)
    bills = [bill(ours, NOON), bill(None, NOON, "5", "stray")]
    known, stray = by_pod([ours], bills, period)
    assert known.difference_usd == 0
    assert (stray.name, stray.ledger_usd, stray.difference_usd) == ("stray", None, Decimal(5))
    assert total([ours], bills, period).gpu_usd == RATE
    assert [each.name for each in by_class([ours], bills, period)] == ["image"]


def test_a_pod_that_was_billed_after_the_end_in_the_ledger_is_seen() -> None:
    ours, period = pod(ended_at=NOON - HOUR, began=NOON - 2 * HOUR), Period(NOON, NOON + 9 * HOUR)
    (found,) = by_pod([], [bill(ours, NOON)], period)
    assert (found.name, found.difference_usd) == ("rk-1", RATE)
    assert not found.ledger_usd


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 47), st.decimals("0", "9", places=4)),
        max_size=30,
    )
)
def test_groups_add_up_to_the_total(rows: Sequence[tuple[str, int, Decimal]]) -> None:
    pods = {name: pod(name, ended_at=NOON + 40 * HOUR) for name in "abc"}
    bills = [bill(pods[name], NOON + hour * HOUR, str(usd)) for name, hour, usd in rows]
    period = Period(NOON, NOON + 48 * HOUR)
    whole = total(list(pods.values()), bills, period)
    for groups in (by_day, by_pod, by_class):
        found = groups(list(pods.values()), bills, period)
        assert sum(each.gpu_usd for each in found) == whole.gpu_usd
        assert sum(each.ledger_usd or 0 for each in found) == whole.ledger_usd


def test_bills_begin_with_an_hour() -> None:
    period = whole_hours(Period(NOON + timedelta(minutes=7), NOON + HOUR))
    assert period == Period(NOON, NOON + HOUR)


def test_the_bill_corrects_an_end_that_nobody_saw_in_either_direction() -> None:
    for seen in (HOUR, 3 * HOUR):
        ours = pod(ended_at=NOON + seen)
        assert corrected_end(ours, {"rk-1": 2 * RATE}) == NOON + 2 * HOUR
    right = pod(ended_at=NOON + 2 * HOUR + timedelta(seconds=1))
    assert corrected_end(right, {"rk-1": 2 * RATE}) is None
    assert corrected_end(right, {}) is None
    assert corrected_end(pod(ended_at=NOON, usd_per_hour=None), {"rk-1": RATE}) is None

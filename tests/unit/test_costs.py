"""What pods and work cost: rules without any service."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.rules.costs import (
    Costs,
    Period,
    PodLife,
    PodTime,
    Work,
    by_class,
    by_pod,
    joined,
    pod_time,
    pods_time,
    without_pods,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_SECONDS = Decimal(3600)
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
moments = st.integers(0, 400_000).map(lambda seconds: NOON + timedelta(seconds=seconds))


def pod(began: datetime, **others: object) -> PodLife:
    facts = {"gpu_class": "image", "usd_per_hour": Decimal("0.36"), **others}
    return PodLife(pod_id="rk-1", rented_at=began, **facts)  # type: ignore[arg-type]


@st.composite
def periods(draw: st.DrawFn) -> Period:
    begin, end = sorted((draw(moments), draw(moments)))
    return Period(begin, end)


@st.composite
def pods(draw: st.DrawFn) -> PodLife:
    began, ready, ended = sorted((draw(moments), draw(moments), draw(moments)))
    has_ended = draw(st.booleans())
    price = st.decimals("0.1", "5", places=4)
    return PodLife(
        pod_id=draw(st.sampled_from(["a", "b", "c"])),
        gpu_class=draw(st.sampled_from(["image", "video"])),
        rented_at=began,
        ready_at=draw(st.sampled_from([ready, None])),
        ended_at=ended if has_ended else None,
        usd_per_hour=draw(st.none() | price),
        cost_usd=draw(st.none() | price) if has_ended else None,
    )


def test_an_open_pod_is_paid_for_up_to_now() -> None:
    found = pod_time(pod(NOON, ready_at=NOON + HOUR / 6), Period(NOON - HOUR, NOON + HOUR))
    assert found == PodTime(Decimal(3600), Decimal(600), Decimal("0.36"))


def test_of_a_pod_that_ended_the_known_cost_counts_for_the_part_within() -> None:
    ended = pod(NOON, ended_at=NOON + 4 * HOUR, cost_usd=Decimal("2.00"))
    assert pod_time(ended, Period(NOON + HOUR, NOON + 2 * HOUR)).usd == Decimal("0.5")


def test_a_pod_that_was_never_ready_only_booted() -> None:
    found = pod_time(pod(NOON, ended_at=NOON + HOUR), Period(NOON, NOON + 2 * HOUR))
    assert (found.seconds, found.boot_seconds) == (HOUR_SECONDS, HOUR_SECONDS)


def test_a_pod_of_unknown_price_still_has_its_time() -> None:
    found = pod_time(pod(NOON, usd_per_hour=None), Period(NOON, NOON + HOUR))
    assert (found.seconds, found.usd) == (HOUR_SECONDS, Decimal(0))


@unhurried
@given(pods(), periods())
def test_nothing_counts_outside_of_the_period(life: PodLife, period: Period) -> None:
    found = pod_time(life, period)
    assert 0 <= found.boot_seconds <= found.seconds <= period.seconds
    assert found.usd >= 0


@unhurried
@given(st.lists(pods(), max_size=6), periods())
def test_the_days_of_a_period_add_up_to_it(lives: Sequence[PodLife], period: Period) -> None:
    days = list(period.days())
    assert sum(day.seconds for day in days) == period.seconds
    parts = sum((pods_time(lives, day) for day in days), PodTime())
    whole = pods_time(lives, period)
    assert (parts.seconds, parts.boot_seconds) == (whole.seconds, whole.boot_seconds)
    assert abs(parts.usd - whole.usd) < Decimal("1e-20")


@unhurried
@given(st.lists(pods(), max_size=6, unique_by=lambda life: life.pod_id), periods())
def test_classes_and_pods_add_up_to_the_fleet(lives: Sequence[PodLife], period: Period) -> None:
    whole = pods_time(lives, period)
    for parts in (by_class(lives, period), by_pod(lives, period)):
        total = sum(parts.values(), PodTime())
        assert (total.seconds, total.boot_seconds) == (whole.seconds, whole.boot_seconds)
        assert abs(total.usd - whole.usd) < Decimal("1e-20")


def test_days_and_hours_are_those_of_utc() -> None:
    now = datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=5)))
    assert Period.day_of(now).begin == datetime(2026, 3, 1, tzinfo=UTC)
    assert Period.hour_of(now).begin == datetime(2026, 3, 1, 20, tzinfo=UTC)
    days = Period.last(timedelta(days=1), now).days()
    assert [f"{day.begin.astimezone(UTC):%d %H:%M}" for day in days] == ["28 20:30", "01 00:00"]


def test_idle_is_what_neither_boots_nor_works() -> None:
    work = Work(rented_seconds=Decimal(60), gpu_seconds=Decimal(90), delivered=4)
    costs = Costs("image", work, PodTime(Decimal(200), Decimal(40), Decimal("0.02")))
    assert costs.idle_seconds == 100
    assert (costs.idle_share, costs.boot_share) == (Decimal("0.5"), Decimal("0.2"))
    assert costs.busy_ratio == Decimal("0.3")
    assert costs.usd_per_delivered == Decimal("0.005")


def test_work_that_began_before_the_period_makes_no_pod_busier_than_it_can_be() -> None:
    work = Work(rented_seconds=Decimal(500))
    costs = Costs("image", work, PodTime(Decimal(200), Decimal(0), Decimal(1)))
    assert (costs.idle_seconds, costs.busy_ratio) == (Decimal(0), Decimal(1))


def test_without_pods_or_deliveries_there_is_no_ratio() -> None:
    nothing = Costs("image", Work(), PodTime())
    assert (nothing.busy_ratio, nothing.usd_per_delivered) == (None, None)
    attempt = Costs("a", Work(delivered=1, usd=Decimal("0.01")))
    assert (attempt.idle_seconds, attempt.busy_ratio) == (None, None)
    assert attempt.usd_per_delivered == Decimal("0.01")


def test_headings_of_work_and_of_pods_are_joined() -> None:
    found = joined({"image": Work(tries=1)}, {"video": PodTime(Decimal(1))})
    assert [(costs.name, costs.work.tries, costs.pods) for costs in found] == [
        ("image", 1, PodTime()),
        ("video", 0, PodTime(Decimal(1))),
    ]


def test_without_pods_the_costliest_come_first() -> None:
    works = {"a": Work(usd=Decimal(1)), "b": Work(usd=Decimal(2)), "c": Work(usd=Decimal(1))}
    assert [costs.name for costs in without_pods(works)] == ["b", "a", "c"]

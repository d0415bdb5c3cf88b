"""The cases of money, one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from rekindle.contracts.orders import HdState, OrderStatus, RefundReason
from rekindle.contracts.payments import (
    CheckoutSession,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentFacts,
    Refund,
    RefundStatus,
    SessionStatus,
)
from rekindle.rules.orders import GRACE, TRANSITIONS, OrderState, WantedRefund, reconcile
from rekindle.rules.refunds import MOST_FAILURES, AskedRefund

ORDER_ID, OTHER_ID = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
ORDER = OrderState(ORDER_ID, 499, "usd", NOW + timedelta(hours=1))
READY = replace(ORDER, hd=HdState.READY, payment_id="pi_1")
FAILED = replace(ORDER, hd=HdState.FAILED)
CLOSED = replace(ORDER, is_closed=True)
ALL = WantedRefund("pi_1", 499, RefundReason.ORDER_CLOSED)


def checkout(
    session_id: str,
    status: SessionStatus,
    payment_id: str | None = None,
    *,
    amount: int = 499,
    hours: int = 1,
) -> CheckoutSession:
    until = NOW + timedelta(hours=hours)
    return CheckoutSession(
        session_id, ORDER_ID, status, False, amount, "usd", None, payment_id, until
    )


OPEN = checkout("cs_1", SessionStatus.OPEN)
EXPIRED = checkout("cs_1", SessionStatus.EXPIRED)
COMPLETE = checkout("cs_1", SessionStatus.COMPLETE, "pi_1")
RIGHT = Payment("pi_1", ORDER_ID, 499, "usd")
PAID = PaymentFacts((COMPLETE,), (RIGHT,))


def refunded(status: RefundStatus, amount: int = 499, refund_id: str = "re_1") -> Refund:
    return Refund(refund_id, "pi_1", amount, status)


def disputed(status: DisputeStatus) -> PaymentFacts:
    return replace(PAID, disputes=(Dispute("dp_1", "pi_1", 499, status),))


@pytest.mark.parametrize(
    ("order", "facts", "status"),
    [
        pytest.param(ORDER, PaymentFacts(), "created", id="nothing_yet"),
        pytest.param(ORDER, PaymentFacts((OPEN,)), "awaiting_payment", id="open"),
        pytest.param(ORDER, PaymentFacts((COMPLETE,)), "awaiting_payment", id="bank_is_slow"),
        pytest.param(
            ORDER,
            PaymentFacts((COMPLETE,), (replace(RIGHT, captured=0),)),
            "awaiting_payment",
            id="bank_was_asked",
        ),
        pytest.param(
            ORDER,
            PaymentFacts((COMPLETE,), (replace(RIGHT, captured=0, has_failed=True),)),
            "created",
            id="bank_said_no",
        ),
        pytest.param(ORDER, PaymentFacts((EXPIRED,)), "expired", id="offer_ended"),
        pytest.param(ORDER, PAID, "paid", id="paid"),
        pytest.param(replace(ORDER, hd=HdState.RENDERING), PAID, "rendering", id="rendering"),
        pytest.param(READY, PAID, "delivered", id="delivered"),
        pytest.param(FAILED, PAID, "refunding", id="hd_failed"),
        pytest.param(FAILED, PaymentFacts((OPEN,)), "expired", id="hd_failed_before_payment"),
        pytest.param(CLOSED, PAID, "refunding", id="late_payment"),
        pytest.param(READY, disputed(DisputeStatus.OPEN), "disputed", id="dispute"),
        pytest.param(READY, disputed(DisputeStatus.WON), "delivered", id="dispute_won"),
        pytest.param(READY, disputed(DisputeStatus.LOST), "disputed", id="dispute_lost"),
        pytest.param(
            READY,
            replace(PAID, refunds=(refunded(RefundStatus.PENDING),)),
            "refunding",
            id="all_is_going_back",
        ),
        pytest.param(
            READY,
            replace(PAID, refunds=(refunded(RefundStatus.SUCCEEDED),)),
            "refunded",
            id="all_went_back",
        ),
        pytest.param(
            READY,
            replace(PAID, refunds=(refunded(RefundStatus.SUCCEEDED, 200),)),
            "delivered",
            id="a_part_went_back",
        ),
        pytest.param(
            READY,
            replace(PAID, refunds=(refunded(RefundStatus.FAILED),)),
            "delivered",
            id="an_operators_refund_failed",
        ),
    ],
)
def test_the_status_follows_from_the_facts(
    order: OrderState, facts: PaymentFacts, status: str
) -> None:
    outcome = reconcile(order, facts, NOW)
    assert outcome.status == status
    assert outcome.is_entitled == (status == "delivered")
    assert outcome.must_render == (status in ("paid", "rendering"))
    assert outcome.is_closed == (order.is_closed or status in ("expired", "refunded"))


def test_an_order_without_a_session_ends_after_its_offer_and_a_grace() -> None:
    end = ORDER.expires_at + GRACE
    before = reconcile(ORDER, PaymentFacts(), end - timedelta(seconds=1))
    assert before.status is OrderStatus.CREATED
    assert reconcile(ORDER, PaymentFacts(), end).status is OrderStatus.EXPIRED


def test_time_alone_never_ends_an_order_whose_session_is_open() -> None:
    late = NOW + timedelta(days=9)
    assert reconcile(ORDER, PaymentFacts((OPEN,)), late).status is OrderStatus.AWAITING_PAYMENT


@pytest.mark.parametrize(
    ("payment", "reason"),
    [
        pytest.param(replace(RIGHT, captured=498), RefundReason.WRONG_AMOUNT, id="too_little"),
        pytest.param(replace(RIGHT, captured=500), RefundReason.WRONG_AMOUNT, id="too_much"),
        pytest.param(replace(RIGHT, currency="jpy"), RefundReason.WRONG_AMOUNT, id="yen"),
    ],
)
def test_what_was_paid_wrongly_goes_back_and_entitles_to_nothing(
    payment: Payment, reason: RefundReason
) -> None:
    order = replace(ORDER, hd=HdState.READY)
    outcome = reconcile(order, PaymentFacts((COMPLETE,), (payment,)), NOW)
    assert outcome.refunds == (WantedRefund("pi_1", payment.captured, reason),)
    assert not outcome.is_entitled
    assert outcome.status is OrderStatus.REFUNDING


@pytest.mark.parametrize("first", ["pi_0", "pi_2"])
def test_a_second_payment_goes_back_whatever_its_id(first: str) -> None:
    order = replace(READY, payment_id=first)
    facts = PaymentFacts(payments=(RIGHT, replace(RIGHT, payment_id=first)))
    outcome = reconcile(order, facts, NOW)
    assert outcome.refunds == (WantedRefund("pi_1", 499, RefundReason.DUPLICATE),)
    assert (outcome.payment_id, outcome.is_entitled) == (first, True)


def test_of_two_payments_the_one_that_is_not_contested_counts() -> None:
    lost = (Dispute("dp_1", "pi_1", 499, DisputeStatus.LOST),)
    facts = PaymentFacts(payments=(RIGHT, replace(RIGHT, payment_id="pi_2")), disputes=lost)
    outcome = reconcile(replace(READY, payment_id=None), facts, NOW)
    assert (outcome.payment_id, outcome.is_entitled, outcome.refunds) == ("pi_2", True, ())


def test_a_late_payment_goes_back() -> None:
    assert reconcile(CLOSED, PAID, NOW).refunds == (ALL,)


def test_a_part_that_went_back_is_not_sent_twice() -> None:
    facts = replace(PAID, refunds=(refunded(RefundStatus.SUCCEEDED, 200),))
    assert reconcile(CLOSED, facts, NOW).refunds == (replace(ALL, amount=299),)


def test_money_of_another_order_is_left_alone() -> None:
    foreign = PaymentFacts(
        (replace(OPEN, order_id=OTHER_ID),), (replace(RIGHT, order_id=OTHER_ID),)
    )
    outcome = reconcile(CLOSED, foreign, NOW)
    assert (outcome.refunds, outcome.expire, outcome.payment_id) == ((), (), None)


def test_nothing_goes_back_while_a_dispute_is_open() -> None:
    row = AskedRefund(1, "pi_1", 499)
    for order in (CLOSED, FAILED, replace(CLOSED, refunds=(row,))):
        outcome = reconcile(order, disputed(DisputeStatus.OPEN), NOW)
        assert (outcome.refunds, outcome.repeat, outcome.is_settled) == ((), (), False)
    assert reconcile(CLOSED, disputed(DisputeStatus.WON), NOW).refunds == (ALL,)


def test_what_the_bank_took_back_is_not_sent_as_well() -> None:
    outcome = reconcile(CLOSED, disputed(DisputeStatus.LOST), NOW)
    assert (outcome.refunds, outcome.is_settled) == ((), True)


def test_a_row_without_an_answer_is_called_again_and_no_other_is_written() -> None:
    order = replace(CLOSED, refunds=(AskedRefund(1, "pi_1", 499),))
    outcome = reconcile(order, PAID, NOW)
    assert (outcome.refunds, outcome.repeat) == ((), (1,))


def test_a_row_whose_answer_was_lost_is_recognised() -> None:
    order = replace(CLOSED, refunds=(AskedRefund(1, "pi_1", 499),))
    facts = replace(PAID, refunds=(refunded(RefundStatus.PENDING),))
    outcome = reconcile(order, facts, NOW)
    assert (outcome.found, outcome.repeat, outcome.refunds) == ({1: "re_1"}, (), ())


def test_a_refund_newer_than_the_facts_counts() -> None:
    order = replace(CLOSED, refunds=(AskedRefund(1, "pi_1", 499, "re_1"),))
    outcome = reconcile(order, PAID, NOW)
    assert (outcome.refunds, outcome.repeat, outcome.status) == ((), (), OrderStatus.REFUNDING)


def test_a_refund_that_failed_is_asked_for_anew_until_a_person_must_look() -> None:
    failed = [refunded(RefundStatus.FAILED, refund_id=f"re_{n}") for n in range(MOST_FAILURES)]
    rows = tuple(AskedRefund(n, "pi_1", 499, f"re_{n}") for n in range(MOST_FAILURES))
    for count in range(MOST_FAILURES + 1):
        order = replace(CLOSED, refunds=rows[:count])
        outcome = reconcile(order, replace(PAID, refunds=tuple(failed[:count])), NOW)
        is_stuck = count == MOST_FAILURES
        assert outcome.refunds == (() if is_stuck else (ALL,))
        assert outcome.stuck == ((ALL,) if is_stuck else ())
        assert outcome.needs_operator == is_stuck
        assert not outcome.is_settled


def test_nobody_needs_an_operator_for_a_part_that_is_not_owed() -> None:
    """It was somebody's free will; a person knows that it failed."""
    failed = [
        replace(refunded(RefundStatus.FAILED, refund_id=f"re_{n}"), amount=100)
        for n in range(MOST_FAILURES)
    ]
    rows = tuple(AskedRefund(n, "pi_1", 100, f"re_{n}") for n in range(MOST_FAILURES))
    delivered = replace(READY, refunds=rows)
    outcome = reconcile(delivered, replace(PAID, refunds=tuple(failed)), NOW)
    assert (outcome.stuck, outcome.is_settled, outcome.is_entitled) == ((), True, True)


def test_at_most_the_newest_session_of_the_right_price_stays_open() -> None:
    newest = checkout("cs_2", SessionStatus.OPEN, hours=2)
    dearer = checkout("cs_3", SessionStatus.OPEN, amount=999, hours=3)
    outcome = reconcile(ORDER, PaymentFacts((dearer, newest, OPEN)), NOW)
    assert outcome.expire == ("cs_1", "cs_3")


@pytest.mark.parametrize(
    ("order", "facts"),
    [
        pytest.param(ORDER, PAID, id="paid"),
        pytest.param(ORDER, PaymentFacts((COMPLETE,)), id="bank_is_slow"),
        pytest.param(CLOSED, PaymentFacts(), id="closed"),
        pytest.param(FAILED, PaymentFacts(), id="hd_failed"),
    ],
)
def test_a_session_that_must_not_be_paid_is_closed(order: OrderState, facts: PaymentFacts) -> None:
    second = checkout("cs_2", SessionStatus.OPEN)
    outcome = reconcile(order, replace(facts, sessions=(*facts.sessions, second)), NOW)
    assert outcome.expire == ("cs_2",)


def test_every_status_says_where_it_may_lead_and_never_to_itself() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    assert not any(status in after for status, after in TRANSITIONS.items())


@pytest.mark.parametrize("over", [OrderStatus.EXPIRED, OrderStatus.REFUNDED])
def test_an_order_that_is_over_is_never_delivered(over: OrderStatus) -> None:
    money = {OrderStatus.REFUNDING, OrderStatus.REFUNDED, OrderStatus.DISPUTED}
    assert TRANSITIONS[over] <= money


def test_a_row_not_yet_called_is_void_once_the_bank_took_the_money_back() -> None:
    order = replace(CLOSED, refunds=(AskedRefund(1, "pi_1", 499),))
    outcome = reconcile(order, disputed(DisputeStatus.LOST), NOW)
    assert (outcome.void, outcome.repeat, outcome.refunds) == ((1,), (), ())

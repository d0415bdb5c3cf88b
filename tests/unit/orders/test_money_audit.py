"""The audit finds what is wrong, and only that."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.payments import PaymentFacts, RefundStatus, SessionStatus
from rekindle.rules.audit import PATIENCE, AuditedOrder, Difference, DifferenceKind, audit
from rekindle.rules.orders import reconcile
from tests.unit.orders import audit_stories as stories
from tests.unit.orders.audit_stories import LONG_AGO, NOW, PRICE, Case
from tests.unit.orders.test_order_properties import HD, STORY, Story, played, unhurried

Kind = DifferenceKind
OTHERS = [story(number) for number, story in enumerate(stories.STORIES, 100)]


def found_in(cases: Iterable[Case], absent: str = "") -> list[Difference]:
    cases = list(cases)
    keys = {key for each in cases for key in each.order.object_keys}
    orders = [each.order for each in cases]
    return audit(orders, whole(cases), {key for key in keys if key != absent}, NOW)


def whole(cases: Sequence[Case]) -> PaymentFacts:
    """One account with everything in it."""
    return PaymentFacts(
        tuple(each for case in cases for each in case.money.sessions),
        tuple(each for case in cases for each in case.money.payments),
        tuple(each for case in cases for each in case.money.refunds),
        tuple(each for case in cases for each in case.money.disputes),
    )


def kinds_of(case: Case) -> list[tuple[Kind, UUID | None]]:
    """What is found about one order among many that are well."""
    expected = [(kind, each.order_id) for each in OTHERS for kind in each.told]
    told = [(each.kind, each.order_id) for each in found_in([case, *OTHERS])]
    for each in expected:
        told.remove(each)
    return told


@pytest.mark.parametrize("story", stories.STORIES, ids=lambda story: story.__name__)
def test_a_story_that_went_well_is_what_the_rules_would_have_made_of_it(
    story: Callable[[int], Case],
) -> None:
    case = story(1)
    outcome = reconcile(case.order.state, case.money, NOW)
    assert outcome.status is case.order.status
    assert outcome.is_entitled == case.order.is_entitled
    assert not any((outcome.refunds, outcome.repeat, outcome.void, outcome.found, outcome.expire))


@given(st.lists(st.sampled_from(stories.STORIES), max_size=20))
@unhurried
def test_a_consistent_account_has_no_difference(chosen: Sequence[Callable[[int], Case]]) -> None:
    cases = [story(number) for number, story in enumerate(chosen, 1)]
    told = found_in(cases)
    assert all(each.kind.is_information for each in told)
    expected = [(each.order_id, kind) for each in cases for kind in each.told]
    assert sorted((each.order_id, each.kind) for each in told) == sorted(expected)


@given(STORY, HD)
@settings(unhurried, max_examples=300)
def test_whatever_happened_a_settled_order_has_no_difference(story: Story, hd: HdState) -> None:
    world = played(story)
    outcome = world.settle(hd)
    order = AuditedOrder(
        world.order,
        world.status,
        LONG_AGO,
        is_entitled=outcome.is_entitled,
        object_key="hd" if outcome.is_entitled else None,
    )
    told = audit([order], world.facts, {"hd"}, NOW)
    assert [each for each in told if not each.kind.is_information] == []


def forgotten(case: Case) -> Case:
    """Its order, as somebody else's."""
    state = replace(stories.created(77).order.state, order_id=UUID(int=77))
    return case.ours(
        state=state, status=OrderStatus.CREATED, is_entitled=False, object_key=None, item_keys=()
    )


def without_money(case: Case) -> Case:
    return case.theirs(sessions=(), payments=(), refunds=(), disputes=())


def with_refunds(case: Case, *refunds: object) -> Case:
    return case.theirs(refunds=refunds)


CORRUPTIONS: dict[str, tuple[Case, Kind]] = {
    "paid, not noticed": (
        stories.paid(1).ours(status=OrderStatus.AWAITING_PAYMENT).state(payment_id=None),
        Kind.WRONG_SUM,
    ),
    "paid too late, kept": (
        stories.paid(1).ours(status=OrderStatus.EXPIRED).state(is_closed=True),
        Kind.WRONG_SUM,
    ),
    "hd failed, kept": (stories.paid(1).state(hd=HdState.FAILED), Kind.WRONG_SUM),
    "closed, kept": (stories.delivered(1).state(is_closed=True), Kind.WRONG_SUM),
    "a part went back for no reason": (
        stories.delivered_for_less(1).ours(by_operator=frozenset()),
        Kind.WRONG_SUM,
    ),
    "refunded, refund gone": (
        stories.refunded(1).state(refunds=()).theirs(refunds=()),
        Kind.WRONG_SUM,
    ),
    "paid, money gone": (without_money(stories.paid(1)), Kind.ORDER_WITHOUT_MONEY),
    "rendering, money gone": (without_money(stories.rendering(1)), Kind.ORDER_WITHOUT_MONEY),
    "refunded, money gone": (without_money(stories.refunded(1)), Kind.ORDER_WITHOUT_MONEY),
    "paid by a payment that is not there": (
        stories.delivered(1).state(payment_id="pi_other"),
        Kind.ORDER_WITHOUT_MONEY,
    ),
    "refunded, yet paid": (
        stories.refunded(1).ours(status=OrderStatus.PAID),
        Kind.ORDER_WITHOUT_MONEY,
    ),
    "delivered, money gone": (
        without_money(stories.delivered(1)),
        Kind.UNLOCKED_WITHOUT_PAYMENT,
    ),
    "unlocked after a refund": (
        stories.refunded(1).ours(is_entitled=True),
        Kind.UNLOCKED_WITHOUT_PAYMENT,
    ),
    "unlocked unpaid": (
        stories.awaiting(1).ours(is_entitled=True),
        Kind.UNLOCKED_WITHOUT_PAYMENT,
    ),
    "unlocked after a lost dispute": (
        stories.dispute_lost(1).ours(is_entitled=True),
        Kind.UNLOCKED_WITHOUT_PAYMENT,
    ),
    "delivered, entitlement gone": (
        stories.delivered(1).ours(is_entitled=False, object_key=None),
        Kind.DELIVERED_BUT_LOCKED,
    ),
    "the price changed": (stories.delivered(1).state(amount=PRICE + 1), Kind.WRONG_AMOUNT),
    "the currency changed": (stories.delivered(1).state(currency="eur"), Kind.WRONG_AMOUNT),
    "a page of another price": (
        stories.awaiting(1).theirs(
            sessions=(replace(stories.session(1, SessionStatus.OPEN), amount=PRICE - 1),)
        ),
        Kind.WRONG_AMOUNT,
    ),
    "a photo's share that was not given back": (
        stories.album_with_one_that_failed(1).state(refunds=()).theirs(refunds=()),
        Kind.WRONG_SUM,
    ),
    "a share that went back for no reason": (
        stories.album_with_one_that_failed(1)
        .state(items=stories.album(1).order.state.items)
        .ours(entitled_items=frozenset({1, 2, 3})),
        Kind.WRONG_SUM,
    ),
    "a photo that was paid and is locked": (
        stories.album(1).ours(entitled_items=frozenset({1, 2})),
        Kind.DELIVERED_BUT_LOCKED,
    ),
    "a photo that failed and may be read": (
        stories.album_with_one_that_failed(1).ours(entitled_items=frozenset({1, 2, 3})),
        Kind.UNLOCKED_WITHOUT_PAYMENT,
    ),
    "two payments": (
        stories.delivered_and_doubly_paid(1).state(refunds=()).theirs(refunds=()),
        Kind.TWO_PAYMENTS,
    ),
    "a refund never called": (
        stories.refunded(1)
        .state(refunds=(replace(stories.row(1), refund_id=None),))
        .theirs(refunds=()),
        Kind.REFUND_UNANSWERED,
    ),
    "a refund whose answer was lost": (
        stories.refunded(1).state(refunds=(replace(stories.row(1), refund_id=None),)),
        Kind.REFUND_UNANSWERED,
    ),
    "a refund that failed": (
        with_refunds(stories.refunded(1), stories.refund(1, status=RefundStatus.FAILED)),
        Kind.REFUND_FAILED,
    ),
    "a part that failed": (
        with_refunds(
            stories.delivered_for_less(1), stories.refund(1, 100, status=RefundStatus.CANCELED)
        ),
        Kind.REFUND_FAILED,
    ),
    "a refund that is not there": (with_refunds(stories.refunded(1)), Kind.REFUND_MISSING),
    "two refunds for a row": (
        with_refunds(
            stories.delivered_for_less(1),
            stories.refund(1, 100),
            stories.refund(1, 100, key="twice"),
        ),
        Kind.REFUND_TWICE,
    ),
    "a refund by hand": (
        stories.delivered_for_less(1).state(refunds=()).ours(by_operator=frozenset()),
        Kind.REFUND_UNKNOWN,
    ),
    "an open page of an expired order": (
        stories.expired(1).theirs(sessions=(stories.session(1, SessionStatus.OPEN),)),
        Kind.SESSION_OPEN,
    ),
    "an open page of a paid order": (
        stories.paid(1).theirs(sessions=(stories.session(1, SessionStatus.OPEN, "more"),)),
        Kind.SESSION_OPEN,
    ),
    "an open page of a closed order": (
        stories.awaiting(1).state(is_closed=True),
        Kind.SESSION_OPEN,
    ),
}


@pytest.mark.parametrize(("case", "kind"), CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_a_corruption_is_found_as_what_it_is(case: Case, kind: Kind) -> None:
    assert kinds_of(case) == [(kind, case.order_id)]


def test_every_kind_of_difference_can_be_found() -> None:
    elsewhere = {Kind.MONEY_WITHOUT_ORDER, Kind.HD_MISSING, Kind.DISPUTE_OPEN}
    assert {kind for _, kind in CORRUPTIONS.values()} | elsewhere == set(Kind)


MOVING = {name for name, (_, kind) in CORRUPTIONS.items() if not kind.is_information}


@pytest.mark.parametrize("name", sorted(MOVING))
def test_what_has_just_changed_may_be_on_its_way(name: str) -> None:
    case = CORRUPTIONS[name][0]
    assert kinds_of(case.ours(changed_at=NOW - PATIENCE + timedelta(seconds=1))) == []
    assert kinds_of(case.ours(changed_at=NOW - PATIENCE)) != []


def test_money_that_has_just_moved_may_be_on_its_way() -> None:
    just = NOW - PATIENCE / 2
    unnoticed = CORRUPTIONS["paid, not noticed"][0]
    fresh = replace(stories.payment(1), created_at=just)
    assert kinds_of(unnoticed.theirs(payments=(fresh,))) == []
    twice = CORRUPTIONS["two refunds for a row"][0]
    (first, second) = twice.money.refunds
    assert kinds_of(with_refunds(twice, first, replace(second, created_at=just))) == []
    lost = CORRUPTIONS["unlocked after a lost dispute"][0]
    (dispute,) = lost.money.disputes
    assert kinds_of(lost.theirs(disputes=(replace(dispute, created_at=just),))) == []


@pytest.mark.parametrize(
    ("story", "is_kept"),
    [
        (stories.paid, True),
        (stories.delivered_for_less, True),
        (stories.at_the_bank, False),
        (stories.refunded, False),
        (stories.dispute_lost, False),
    ],
)
def test_money_that_stays_needs_an_order(story: Callable[[int], Case], is_kept: bool) -> None:
    case = forgotten(story(1))
    expected = [(Kind.MONEY_WITHOUT_ORDER, None)] if is_kept else []
    assert kinds_of(case) == expected


def test_money_of_nobody_is_told_with_what_is_left_of_it() -> None:
    (found,) = found_in([forgotten(stories.delivered_for_less(1))])
    assert (found.about, found.amount, found.currency) == ("pi_1", PRICE - 100, "usd")


def test_a_payment_that_names_no_order_belongs_to_the_one_that_names_it() -> None:
    case = stories.delivered(1)
    (nameless,) = (replace(each, order_id=None) for each in case.money.payments)
    assert kinds_of(case.theirs(payments=(nameless,))) == []
    by_its_page = case.theirs(payments=(nameless,)).state(payment_id=None)
    assert kinds_of(by_its_page) == [(Kind.ORDER_WITHOUT_MONEY, case.order_id)]


def test_a_missing_object_is_found_if_somebody_may_read_it() -> None:
    (found,) = found_in([stories.delivered(1)], absent="hd_1")
    assert (found.kind, found.about) == (Kind.HD_MISSING, "hd_1")
    gone = stories.delivered(1).ours(object_key=None)  # its owner deleted the job
    assert found_in([gone], absent="hd_1") == []


def test_a_refund_of_an_older_payment_is_told() -> None:
    older = PaymentFacts(refunds=(stories.refund(5),))
    assert [each.kind for each in audit([], older, set(), NOW)] == [Kind.REFUND_UNKNOWN]


def test_while_a_payment_is_contested_its_ledger_may_wait() -> None:
    unanswered = (replace(stories.row(1), refund_id=None),)
    case = stories.disputed(1).state(refunds=unanswered)
    assert kinds_of(case) == [(Kind.DISPUTE_OPEN, case.order_id)]
    unlocked = case.ours(is_entitled=True)
    assert (Kind.UNLOCKED_WITHOUT_PAYMENT, case.order_id) in kinds_of(unlocked)


def test_an_amount_says_how_much_is_kept_too_much() -> None:
    def amount(name: str) -> int:
        (found,) = found_in([CORRUPTIONS[name][0]])
        return found.amount

    assert amount("paid, not noticed") == PRICE
    assert amount("two payments") == PRICE
    assert amount("a part went back for no reason") == -100

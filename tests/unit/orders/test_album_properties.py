"""One payment for several photos: what is kept is the price of those that can be had."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.contracts.orders import HdState, OrderStatus, RefundReason
from rekindle.contracts.payments import RefundStatus
from rekindle.rules.order_items import ItemState, hd_of
from rekindle.rules.refunds import AskedRefund
from tests.unit.orders.album_world import ITEMS, AlbumWorld
from tests.unit.orders.test_order_properties import HD, PRICE, STORY, Story, unhurried


def played(story: Story) -> AlbumWorld:
    world = AlbumWorld()
    for event, pick in story:
        event(world, pick)
    return world


def paid(*ends: HdState) -> AlbumWorld:
    """Paid, and the HD of its photos has ended so."""
    world = AlbumWorld()
    world.open(0)
    world.pay(0)
    world.look()
    for state in ends:
        world._hd(state)
    return world


@given(STORY, HD)
@settings(unhurried, max_examples=200)
def test_in_the_end_we_have_the_shares_of_what_can_be_had_or_nothing(
    story: Story, hd: HdState
) -> None:
    world = played(story)
    outcome = world.settle(hd)
    assert outcome.is_settled
    ready = {each.number for each in world.order.items if each.hd is HdState.READY}
    if outcome.entitled_items:
        assert outcome.status is OrderStatus.DELIVERED
        assert set(outcome.entitled_items) == ready
        by_operator = world.by_operator.get(outcome.payment_id or "", 0)
        assert 0 <= world.deliverable - world.net() <= by_operator
    else:
        assert world.net() == 0
    again, refunds = world.look(), len(world.refunds)
    assert again == outcome
    assert len(world.refunds) == refunds


@given(STORY, HD)
@settings(unhurried, max_examples=80)
def test_no_share_goes_back_twice(story: Story, hd: HdState) -> None:
    world = played(story)
    world.settle(hd)
    for item in ITEMS:
        assert len(world.given_for(item.number)) <= 1
        assert sum(world.refunds[key].amount for key in world.given_for(item.number)) <= item.share


def test_one_of_three_that_fails_gives_its_share_back_and_the_others_are_delivered() -> None:
    world = paid(HdState.READY, HdState.FAILED, HdState.READY)
    outcome = world.look()
    assert [(r.amount, r.reason, r.item) for r in outcome.refunds] == [
        (166, RefundReason.HD_FAILED, 2)
    ]
    assert (outcome.status, outcome.entitled_items) == (OrderStatus.DELIVERED, (1, 3))
    assert not outcome.is_settled
    world.refund_arrives(0)
    assert world.look().is_settled
    assert world.net() == PRICE - 166


def test_what_is_ready_may_be_read_before_the_rest_is_made() -> None:
    outcome = paid(HdState.READY).look()
    assert (outcome.status, outcome.entitled_items) == (OrderStatus.RENDERING, (1,))
    assert outcome.must_render
    assert not outcome.is_entitled


def test_when_all_fail_all_goes_back_and_the_order_is_over() -> None:
    world = paid(HdState.FAILED)
    world.look()
    world._hd(HdState.FAILED)
    world._hd(HdState.FAILED)
    outcome = world.look()
    assert outcome.status is OrderStatus.REFUNDING
    while world._pending():
        world.refund_arrives(0)
    outcome = world.look()
    assert (outcome.status, outcome.is_closed, world.net()) == (OrderStatus.REFUNDED, True, 0)


def test_two_equal_shares_whose_answers_were_lost_are_told_apart() -> None:
    """Only the second call was made: the first one is made now, and the second is not repeated."""
    world = paid(HdState.READY, HdState.FAILED, HdState.FAILED)
    world.look_with_a_crash_before_the_call(0)
    first, second = world.order.refunds
    assert (first.amount, second.amount) == (166, 166)
    world.refund(second.payment_id, second.amount, key=second.number)
    outcome = world.look()
    assert outcome.repeat == (first.number,)
    assert set(outcome.found) == {second.number}
    assert world.net() == PRICE - 2 * 166


def test_a_share_whose_row_was_given_up_is_not_given_twice_when_its_refund_turns_up() -> None:
    world = paid(HdState.READY, HdState.FAILED, HdState.READY)
    world.look_with_a_crash_before_the_call(0)
    (row,) = world.order.refunds
    world.order = replace(world.order, refunds=(replace(row, is_void=True),))
    world.refund(row.payment_id, row.amount, key=row.number)
    outcome = world.look()
    assert (outcome.refunds, outcome.repeat) == ((), ())
    assert world.net() == PRICE - row.amount


def test_a_share_whose_refund_failed_thrice_waits_for_an_operator() -> None:
    world = paid(HdState.READY, HdState.FAILED, HdState.READY)
    for _ in range(3):
        world.look()
        (pending,) = world._pending()
        world.refunds[pending.refund_id] = replace(pending, status=RefundStatus.FAILED)
    outcome = world.look()
    assert (outcome.needs_operator, outcome.is_settled, outcome.refunds) == (True, False, ())
    assert outcome.entitled_items == (1, 3)
    (owed,) = outcome.stuck
    assert (owed.amount, owed.item, owed.reason) == (166, 2, RefundReason.HD_FAILED)


@pytest.mark.parametrize("status", [RefundStatus.SUCCEEDED, RefundStatus.FAILED])
def test_a_share_that_an_operator_gives_back_needs_no_operator_any_more_once_it_is_back(
    status: RefundStatus,
) -> None:
    world = paid(HdState.READY, HdState.FAILED, HdState.READY)
    for _ in range(3):
        world.look()
        (pending,) = world._pending()
        world.refunds[pending.refund_id] = replace(pending, status=RefundStatus.FAILED)
    (owed,) = world.look().stuck
    row = AskedRefund(4, owed.payment_id, owed.amount, item=owed.item)
    world.order = replace(world.order, refunds=(*world.order.refunds, row))
    assert world.look().repeat == (4,)
    (pending,) = world._pending()
    assert not world.look().needs_operator
    world.refunds[pending.refund_id] = replace(pending, status=status)
    outcome = world.look()
    is_back = status is RefundStatus.SUCCEEDED
    assert (outcome.needs_operator, outcome.is_settled) == (not is_back, is_back)
    assert outcome.entitled_items == (1, 3)
    assert world.net() == PRICE - 166 * is_back


@given(st.lists(st.sampled_from(HdState), min_size=1, max_size=5))
@settings(unhurried)
def test_what_items_come_to_is_ready_only_when_all_have_ended(states: list[HdState]) -> None:
    found = hd_of([ItemState(n, 1, state) for n, state in enumerate(states, start=1)])
    ended = [each in (HdState.READY, HdState.FAILED) for each in states]
    assert (found in (HdState.READY, HdState.FAILED)) == all(ended)
    assert (found is HdState.READY) == (all(ended) and HdState.READY in states)
    assert (found is HdState.WAITING) == (set(states) == {HdState.WAITING})

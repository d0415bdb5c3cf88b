"""Whatever happens to an order, however often it is told to us or not at all, money stays right.

A story is a seed: the same people do the same things while announcements come promptly, in a
muddle, late, never, or while our process dies in the middle of its calls. ORDER_STORIES=500 tells
so many stories; ORDER_STORY=17 tells that one alone.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from rekindle.contracts.orders import HdState, OrderStatus
from tests.services.orders.stories.conftest import Street
from tests.services.orders.stories.post import Post, PostOffice
from tests.services.orders.stories.world import World

Step = Callable[[World, Random], Awaitable[bool]]

ORDINARY: tuple[Step, ...] = (
    *(World.asks_for_the_page, World.asks_for_the_page, World.asks_for_the_page),
    *(World.pays, World.pays, World.is_declined, World.pays_by_bank),
    *(World.bank_pays, World.bank_refuses, World.an_hour_passes),
)
RARE: tuple[Step, ...] = (
    *(World.pays_too_little, World.gives_up, World.operator_gives_all_back),
    *(World.part_is_given_back_by_hand, World.all_is_given_back_by_hand),
    *(World.contests, World.wins, World.loses),
)
OURS: tuple[Step, ...] = (
    *(World.hd_is_made, World.hd_fails, World.refund_arrives, World.refund_fails),
)
"""What follows from our own looks, and so from announcements: no part of what people did."""

STORIES = (
    [int(os.environ["ORDER_STORY"])]
    if "ORDER_STORY" in os.environ
    else range(int(os.environ.get("ORDER_STORIES", "6")))
)


@dataclass(frozen=True)
class Story:
    """What people do, and how it all ends.

    Attributes:
        hd: how HD ends, whenever it does.
        bank: what a bank that still hesitates says in the end.
        verdict: on a dispute that is still open in the end.
        holds_refunds: refunds stay pending until somebody ends them.
    """

    seed: int
    steps: tuple[Step, ...]
    hd: Step
    bank: Step
    verdict: Step
    holds_refunds: bool

    @classmethod
    def of(cls, seed: int) -> "Story":
        """The story of a seed."""
        pick = Random(seed)
        steps = [
            pick.choice(ORDINARY if pick.random() < 0.65 else RARE)
            for _ in range(pick.randint(4, 12))
        ]
        return cls(
            seed,
            (World.asks_for_the_page, *steps),
            hd=World.hd_is_made if pick.random() < 0.65 else World.hd_fails,
            bank=pick.choice((World.bank_pays, World.bank_refuses)),
            verdict=pick.choice((World.wins, World.loses)),
            holds_refunds=pick.random() < 0.5,
        )


@dataclass(frozen=True)
class End:
    """What an order came to."""

    status: OrderStatus
    is_entitled: bool
    net: int


async def told(
    story: Story, world: World, office: PostOffice, post: Post, *, dies: bool = False
) -> End:
    """Play a story to its end, and check what must hold on the way and then."""
    if story.holds_refunds and not dies:
        await world.control("faults", faults=[{"kind": "refund_pending", "count": None}])
    if dies:
        world.crashes = Random(story.seed)
    people, muddle = Random(story.seed), Random(story.seed)
    for step in story.steps:
        done = await step(world, Random(people.random()))
        world.log.append((step.__name__, done))
        await office.round(post, muddle)
        for ours in (story.hd, World.refund_fails, World.refund_arrives):
            if muddle.random() < 0.25:
                await ours(world, muddle)
        await assert_safe(world)
    await office.last_round(post, muddle)
    world.crashes = None
    await settle(story, world)
    await world.control("faults", faults=[])
    return await ended(world)


async def settle(story: Story, world: World) -> None:
    """Everybody does what is left to do, and we look until nothing is on its way."""
    last = Random(story.seed)
    for _ in range(12):
        look = await world.looks()
        if look.is_settled:
            return
        moves = [await step(world, last) for step in (story.bank, story.verdict, story.hd)]
        while await world.refund_arrives(last):
            moves.append(True)
        if not any(moves):
            await world.an_hour_passes(last)
    raise AssertionError(f"never settled: {look}")


async def assert_safe(world: World) -> None:
    """What must hold at any moment."""
    ledger = await world.ledger()
    assert len([s for s in ledger["sessions"] if s["status"] == "open"]) <= 1
    assert ledger["keys_with_two_meanings"] == []
    for payment in ledger["payments"]:
        assert payment["refunded"] + payment["refunds_pending"] <= payment["captured"]
    if await world.entitled():
        assert any(p["captured"] == world.order.amount for p in ledger["payments"])


async def ended(world: World) -> End:
    """How it ended; what must hold in the end does."""
    await assert_safe(world)
    before = await world.row()
    again = await world.looks()
    row, ledger, is_entitled = await world.row(), await world.ledger(), await world.entitled()
    assert again.is_settled
    assert row == before, "a settled order changes by being looked at"
    assert list(await world.unheard()) == []
    net = sum(p["net"] for p in ledger["payments"])
    assert net == (row.amount - world.given_by_hand if is_entitled else 0), ledger["payments"]
    assert len([p for p in ledger["payments"] if p["net"] > 0]) <= 1
    assert is_entitled == (row.status == OrderStatus.DELIVERED)
    assert not is_entitled or row.hd == HdState.READY
    assert not [s for s in ledger["sessions"] if s["status"] == "open"]
    assert twice(ledger["refunds"]) == []
    return End(OrderStatus(row.status), is_entitled, net)


def twice(refunds: list[dict[str, Any]]) -> list[str]:
    """Payments of which we gave back the same amount twice."""
    ours = [
        (r["payment_intent"], r["amount"])
        for r in refunds
        if r["metadata"].get("order_id") and r["status"] not in ("failed", "canceled")
    ]
    return [payment for payment, amount in ours if ours.count((payment, amount)) > 1]


@pytest.mark.parametrize("seed", STORIES)
async def test_a_story_ends_the_same_however_it_is_announced_to_us(
    street: Street, seed: int
) -> None:
    story = Story.of(seed)
    world, office = await street.begins()
    expected = await told(story, world, office, Post.PROMPT)
    for post in (Post.CHAOTIC, Post.LATE, Post.LOST):
        other, office = await street.begins()
        found = await told(story, other, office, post)
        if other.log == world.log:  # else people were let do other things: another story
            assert found == expected, (post, world.log)


@pytest.mark.parametrize("seed", STORIES)
async def test_a_story_in_which_we_die_in_the_middle_of_our_calls_ends_as_without(
    street: Street, seed: int
) -> None:
    story = Story.of(seed)
    world, office = await street.begins()
    expected = await told(story, world, office, Post.PROMPT)
    other, office = await street.begins()
    found = await told(story, other, office, Post.PROMPT, dies=True)
    if other.log == world.log:
        assert found == expected, world.log

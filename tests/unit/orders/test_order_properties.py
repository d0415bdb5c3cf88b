"""Money stays right whatever happens, in whatever order, however often or seldom we look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rekindle.contracts.orders import HdState, OrderStatus
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
from rekindle.rules.orders import OrderState, Outcome, can_follow, reconcile
from rekindle.rules.refunds import MOST_FAILURES, AskedRefund

PRICE = 499
NOW = datetime(2026, 11, 20, tzinfo=UTC)
ORDER_ID = UUID(int=5)
T = TypeVar("T")
unhurried = settings(  # a loaded machine fails no test
    deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@dataclass
class World:
    """A provider's ledger and our row, changed by whoever: people, banks, operators, crashes."""

    order: OrderState = field(
        default_factory=lambda: OrderState(ORDER_ID, PRICE, "usd", NOW + timedelta(hours=1))
    )
    status: OrderStatus = OrderStatus.CREATED
    must_render: bool = False
    sessions: dict[str, CheckoutSession] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    replies: dict[int, str] = field(default_factory=dict)
    by_operator: dict[str, int] = field(default_factory=dict)
    slow: tuple[OrderState, int, PaymentFacts] | None = None

    @property
    def facts(self) -> PaymentFacts:
        return PaymentFacts(
            tuple(self.sessions.values()),
            tuple(self.payments.values()),
            tuple(self.refunds.values()),
            tuple(self.disputes.values()),
        )

    # What people and banks do.

    def open(self, _: int) -> None:
        if self.status in (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT):
            key = f"cs_{len(self.sessions)}"
            self.sessions[key] = CheckoutSession(
                key, ORDER_ID, SessionStatus.OPEN, False, PRICE, "usd", "u", None, NOW
            )

    def _complete(self, pick: int, captured: int, currency: str = "usd") -> None:
        if session := _any(self._sessions(SessionStatus.OPEN), pick):
            # Ids of payments have no order in time.
            key = f"pi_{(len(self.payments) * 7 + pick) % 10}_{len(self.payments)}"
            self.payments[key] = Payment(key, ORDER_ID, captured, currency)
            self.sessions[session.session_id] = replace(
                session, status=SessionStatus.COMPLETE, is_paid=captured > 0, payment_id=key
            )

    def pay(self, pick: int) -> None:
        self._complete(pick, PRICE)

    def pay_too_little(self, pick: int) -> None:
        self._complete(pick, PRICE - 1)

    def pay_in_yen(self, pick: int) -> None:
        self._complete(pick, PRICE, "jpy")

    def pay_by_bank(self, pick: int) -> None:
        self._complete(pick, 0)

    def bank_pays(self, pick: int) -> None:
        if payment := _any(self._awaited(), pick):
            self.payments[payment.payment_id] = replace(payment, captured=PRICE)

    def bank_refuses(self, pick: int) -> None:
        if payment := _any(self._awaited(), pick):
            self.payments[payment.payment_id] = replace(payment, has_failed=True)

    def time_passes(self, pick: int) -> None:
        if session := _any(self._sessions(SessionStatus.OPEN), pick):
            self._expire(session.session_id)

    def cancel(self, _: int) -> None:
        if self.status in (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT):
            self.order = replace(self.order, is_closed=True)

    # Refunds and disputes.

    def operator_gives_part(self, pick: int) -> None:
        self._operator_gives(pick, 100)

    def operator_gives_all(self, pick: int) -> None:
        self._operator_gives(pick, None)

    def _operator_gives(self, pick: int, amount: int | None) -> None:
        if payment := _any(list(self.payments.values()), pick):
            key, left = payment.payment_id, self.left(payment.payment_id)
            if self.refund(key, min(amount or left, left)):
                self.by_operator[key] = self.by_operator.get(key, 0) + min(amount or left, left)

    def refund_arrives(self, pick: int) -> None:
        if refund := _any(self._pending(), pick):
            self.refunds[refund.refund_id] = replace(refund, status=RefundStatus.SUCCEEDED)

    def refund_fails(self, pick: int) -> None:
        refund = _any(self._pending(), pick)
        if refund and self._failures(refund.payment_id) < MOST_FAILURES - 1:
            self.refunds[refund.refund_id] = replace(refund, status=RefundStatus.FAILED)

    def dispute(self, pick: int) -> None:
        moving = {each.payment_id for each in self._pending()}
        free = [p for p in self.payments.values() if p.payment_id not in moving]
        if (payment := _any(free, pick)) and (left := self.left(payment.payment_id)) > 0:
            key = payment.payment_id
            self.disputes.setdefault(key, Dispute(f"dp_{key}", key, left, DisputeStatus.OPEN))

    def dispute_won(self, pick: int) -> None:
        self._judge(pick, DisputeStatus.WON)

    def dispute_lost(self, pick: int) -> None:
        self._judge(pick, DisputeStatus.LOST)

    def _judge(self, pick: int, verdict: DisputeStatus) -> None:
        still = [each for each in self.disputes.values() if each.status is DisputeStatus.OPEN]
        if dispute := _any(still, pick):
            self.disputes[dispute.payment_id] = replace(dispute, status=verdict)

    # What we do.

    def render(self, _: int) -> None:
        self._hd(HdState.RENDERING)

    def hd_ready(self, _: int) -> None:
        self._hd(HdState.READY)

    def hd_fails(self, _: int) -> None:
        self._hd(HdState.FAILED)

    def _hd(self, state: HdState) -> None:
        if self.must_render:
            self.order = replace(self.order, hd=state)
            self.must_render = state is HdState.RENDERING

    def look(self, _: int = 0) -> Outcome:
        return self._look(self.facts)

    def look_with_a_crash_before_the_call(self, _: int) -> None:
        self._look(self.facts, calls=False)

    def look_with_a_crash_after_the_call(self, _: int) -> None:
        self._look(self.facts, records=False)

    def slow_look_begins(self, _: int) -> None:
        """It reads the provider, and writes only if our side is then still the same."""
        self.slow = (self.order, len(self.sessions), self.facts)

    def slow_look_ends(self, _: int) -> None:
        if self.slow is not None and self.slow[:2] == (self.order, len(self.sessions)):
            self._look(self.slow[2], is_fresh=False)
        self.slow = None

    def _look(
        self,
        facts: PaymentFacts,
        *,
        calls: bool = True,
        records: bool = True,
        is_fresh: bool = True,
    ) -> Outcome:
        outcome = reconcile(self.order, facts, NOW)
        assert outcome == reconcile(self.order, _shuffled(facts), NOW)
        if is_fresh:
            assert can_follow(self.status, outcome.status), (self.status, outcome.status)
            self._assert_sound(outcome)
        self._write(outcome)
        if calls:
            self._call(outcome, is_fresh=is_fresh, records=records)
        return outcome

    def _assert_sound(self, outcome: Outcome) -> None:
        in_dispute = any(d.status is DisputeStatus.OPEN for d in self.disputes.values())
        if in_dispute:
            assert not any((outcome.refunds, outcome.repeat, outcome.is_entitled))
        if outcome.is_entitled:
            assert outcome.payment_id is not None
            kept = self.payments[outcome.payment_id]
            assert (kept.captured, kept.currency) == (PRICE, "usd")
            assert self.left(kept.payment_id) > 0

    def _write(self, outcome: Outcome) -> None:
        rows = [
            replace(
                row,
                refund_id=outcome.found.get(row.number, row.refund_id),
                is_void=row.is_void or row.number in outcome.void,
            )
            for row in self.order.refunds
        ]
        for wanted in outcome.refunds:
            rows.append(AskedRefund(len(rows) + 1, wanted.payment_id, wanted.amount))
        self.order = replace(
            self.order,
            is_closed=outcome.is_closed,
            payment_id=outcome.payment_id,
            refunds=tuple(rows),
        )
        self.status, self.must_render = outcome.status, outcome.must_render

    def _call(self, outcome: Outcome, *, is_fresh: bool, records: bool) -> None:
        fresh = range(len(self.order.refunds) - len(outcome.refunds) + 1, 10_000)
        for row in self.order.refunds:
            if row.number in outcome.repeat or row.number in fresh:
                refund_id = self.refund(row.payment_id, row.amount, key=row.number)
                assert refund_id or not is_fresh, "a refund was asked for that is not possible"
                if refund_id and records:
                    self._answer(row.number, refund_id)
        for session_id in outcome.expire:
            self._expire(session_id)

    def _answer(self, number: int, refund_id: str) -> None:
        rows = [replace(r, refund_id=refund_id) if r.number == number else r for r in self.rows]
        self.order = replace(self.order, refunds=tuple(rows))

    @property
    def rows(self) -> Sequence[AskedRefund]:
        return self.order.refunds

    # The provider's own rules.

    def refund(self, payment_id: str, amount: int, key: int | None = None) -> str | None:
        if key in self.replies:
            return self.replies[key]
        contested = self.disputes.get(payment_id)
        is_refused = contested is not None and contested.status is not DisputeStatus.WON
        if is_refused or not 0 < amount <= self.left(payment_id):
            return None
        refund_id = f"re_{len(self.refunds)}"
        self.refunds[refund_id] = Refund(refund_id, payment_id, amount, RefundStatus.PENDING)
        if key is not None:
            self.replies[key] = refund_id
        return refund_id

    def left(self, payment_id: str) -> int:
        given = (
            r.amount
            for r in self.refunds.values()
            if r.payment_id == payment_id and not r.status.gives_nothing
        )
        return self.payments[payment_id].captured - sum(given)

    def net(self) -> int:
        """What we still have of the person's money."""
        lost = {k for k, d in self.disputes.items() if d.status is DisputeStatus.LOST}
        return sum(self.left(key) for key in self.payments if key not in lost)

    def _expire(self, session_id: str) -> None:
        session = self.sessions[session_id]
        if session.status is SessionStatus.OPEN:
            self.sessions[session_id] = replace(session, status=SessionStatus.EXPIRED)

    def _sessions(self, status: SessionStatus) -> list[CheckoutSession]:
        return [each for each in self.sessions.values() if each.status is status]

    def _awaited(self) -> list[Payment]:
        return [p for p in self.payments.values() if not p.captured and not p.has_failed]

    def _pending(self) -> list[Refund]:
        return [r for r in self.refunds.values() if r.status is RefundStatus.PENDING]

    def _failures(self, payment_id: str) -> int:
        mine = (r for r in self.refunds.values() if r.payment_id == payment_id)
        return sum(each.status is RefundStatus.FAILED for each in mine)

    def settle(self, hd: HdState) -> Outcome:
        """Everybody does what is left to do, and we look until nothing changes."""
        outcome = self.look()
        for _ in range(8):
            if outcome.is_settled:
                break
            for _ in range(len(self.refunds)):
                self.refund_arrives(0)
            for _ in range(len(self.payments)):
                self.bank_pays(0)
                self.dispute_won(0)
            for _ in range(len(self.sessions)):
                self.time_passes(0)
            self._hd(hd)
            outcome = self.look()
            if outcome.status is OrderStatus.CREATED:
                self.cancel(0)
        while outcome.found or outcome.void:
            outcome = self.look()  # the last one found what a lost answer had told
        return outcome


def _any(found: Sequence[T], pick: int) -> T | None:
    return found[pick % len(found)] if found else None


def _shuffled(facts: PaymentFacts) -> PaymentFacts:
    """The same, told in another order and twice."""
    return PaymentFacts(
        facts.sessions[::-1] * 2,
        facts.payments[::-1] * 2,
        facts.refunds[::-1] * 2,
        facts.disputes[::-1] * 2,
    )


EVENTS: tuple[Callable[[World, int], object], ...] = (
    World.open,
    World.pay,
    World.pay_too_little,
    World.pay_in_yen,
    World.pay_by_bank,
    World.bank_pays,
    World.bank_refuses,
    World.time_passes,
    World.cancel,
    World.operator_gives_part,
    World.operator_gives_all,
    World.refund_arrives,
    World.refund_fails,
    World.dispute,
    World.dispute_won,
    World.dispute_lost,
    World.render,
    World.hd_ready,
    World.hd_fails,
    World.look,
    World.look_with_a_crash_before_the_call,
    World.look_with_a_crash_after_the_call,
    World.slow_look_begins,
    World.slow_look_ends,
)
Story = Sequence[tuple[Callable[[World, int], object], int]]
BUSY = (World.open, World.pay, World.look)  # without these little happens
STEP = st.tuples(st.sampled_from(EVENTS) | st.sampled_from(BUSY), st.integers(0, 3))
STORY = st.lists(STEP, max_size=40)
HD = st.sampled_from([HdState.READY, HdState.FAILED])


def played(story: Story) -> World:
    world = World()
    for event, pick in story:
        event(world, pick)
    return world


@given(STORY, HD)
@settings(unhurried, max_examples=600)
def test_in_the_end_we_have_the_price_of_what_can_be_had_or_nothing(
    story: Story, hd: HdState
) -> None:
    world = played(story)
    outcome = world.settle(hd)
    assert outcome.is_settled
    if outcome.is_entitled:
        assert outcome.payment_id is not None
        given_back = PRICE - world.left(outcome.payment_id)
        assert 0 <= given_back <= world.by_operator.get(outcome.payment_id, 0)
        assert world.net() == PRICE - given_back
    else:
        assert world.net() == 0
    assert outcome.is_entitled == (outcome.status is OrderStatus.DELIVERED)


ANSWER_LOST: Story = [
    (World.open, 0),
    (World.pay, 0),
    (World.cancel, 0),
    (World.look_with_a_crash_after_the_call, 0),
    (World.refund_arrives, 0),
]


@given(STORY, HD)
@example(ANSWER_LOST, HdState.READY)
@settings(unhurried, max_examples=200)
def test_a_settled_order_asks_for_nothing_more(story: Story, hd: HdState) -> None:
    world = played(story)
    outcome, refunds = world.settle(hd), len(world.refunds)
    again = world.look()
    assert again == outcome
    asked = (again.refunds, again.repeat, again.void, again.found, again.expire)
    assert not any(asked)
    assert len(world.refunds) == refunds


@given(STORY)
@settings(unhurried, max_examples=200)
def test_no_payment_gives_back_more_than_it_brought(
    story: Story,
) -> None:
    world = played(story)
    for payment_id, payment in world.payments.items():
        rows = [r for r in world.order.refunds if r.payment_id == payment_id and not r.is_void]
        failed = {k for k, r in world.refunds.items() if r.status.gives_nothing}
        standing = sum(r.amount for r in rows if r.refund_id not in failed)
        assert 0 <= world.left(payment_id) <= payment.captured
        assert standing <= payment.captured


PLAIN = (World.pay, World.pay_too_little, World.pay_by_bank, World.bank_pays, World.time_passes)


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(PLAIN), st.integers(0, 3)), max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
    HD,
)
@settings(unhurried, max_examples=300)
def test_it_ends_the_same_however_many_events_were_lost(
    sessions: int,
    story: Story,
    lost: Sequence[bool],
    hd: HdState,
) -> None:
    watched, blind = World(), World()
    for world in (watched, blind):
        for _ in range(sessions):
            world.open(0)
    for (event, pick), is_lost in zip(story, lost, strict=False):
        event(blind, pick)
        event(watched, pick)
        if not is_lost:
            # Only what changes nothing at the provider: it would be another story there.
            outcome = reconcile(watched.order, watched.facts, NOW)
            watched._write(outcome)
    ends = [(w.settle(hd), w.net()) for w in (watched, blind)]
    assert ends[0][0].status == ends[1][0].status
    assert ends[0][0].is_entitled == ends[1][0].is_entitled
    assert ends[0][1] == ends[1][1]

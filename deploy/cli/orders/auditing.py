"""Reads both sides of an audit: the provider's account first, then our orders and their objects."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from rekindle.contracts.payments import PaymentFacts
from rekindle.ports.objects import ObjectStore
from rekindle.ports.payments import Payments
from rekindle.rules.audit import Difference, audit
from rekindle.store import audit as audits
from rekindle.store.audit import AuditEntry
from rekindle.store.database import Database

_MARGIN = timedelta(hours=1)
"""For clocks that differ: what belongs to an order is never older than it."""
_AT_ONCE = 16

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Audit:
    """What was looked at, and what was found."""

    since: datetime
    orders: int
    payments: int
    differences: Sequence[Difference]


async def audited(
    database: Database, payments: Payments, objects: ObjectStore, *, since: datetime, now: datetime
) -> Audit:
    """Audit everything that happened since then.

    Orders older than that of which the account tells are looked at as a whole.

    Raises:
        PaymentsUnavailable, PaymentsRefused, DatabaseUnavailable, StorageUnavailable: one of the
            sides could not be read; half an audit would be wrong.
    """
    money = await payments.money(since=since - _MARGIN)
    async with database.transaction() as session:
        entries = await audits.entries(
            session,
            since=since,
            order_ids=_orders(money),
            payment_ids=_payments(money),
        )
    for entry in entries:
        if entry.row.created_at < since:
            money = _joined(money, await _whole(payments, entry))
    orders = [each.audited for each in entries]
    present = await _present(objects, (key for each in orders for key in each.object_keys))
    return Audit(since, len(orders), len(money.payments), audit(orders, money, present, now))


def _orders(money: PaymentFacts) -> set[UUID]:
    """Those that the account names."""
    named = [each.order_id for each in money.sessions] + [each.order_id for each in money.payments]
    return {each for each in named if each is not None}


def _payments(money: PaymentFacts) -> set[str]:
    """Those that the account names where it names no order."""
    refunded = {each.payment_id for each in money.refunds}
    return refunded | {each.payment_id for each in money.disputes}


async def _whole(payments: Payments, entry: AuditEntry) -> PaymentFacts:
    row = entry.row
    return await payments.facts(row.id, session_ids=row.session_ids, payment_ids=entry.payment_ids)


def _joined(one: PaymentFacts, other: PaymentFacts) -> PaymentFacts:
    """Both together; of what is in both, the second's."""
    return PaymentFacts(
        _by_id((*one.sessions, *other.sessions), lambda s: s.session_id),
        _by_id((*one.payments, *other.payments), lambda p: p.payment_id),
        _by_id((*one.refunds, *other.refunds), lambda r: r.refund_id),
        _by_id((*one.disputes, *other.disputes), lambda d: d.dispute_id),
    )


def _by_id(things: Iterable[Thing], name: Callable[[Thing], str]) -> tuple[Thing, ...]:
    return tuple({name(each): each for each in things}.values())


async def _present(objects: ObjectStore, keys: Iterable[str | None]) -> set[str]:
    """Those of the keys that have an object."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def found(key: str) -> str | None:
        async with places:
            return key if await objects.head(key) is not None else None

    wanted = {key for key in keys if key is not None}
    async with asyncio.TaskGroup() as group:
        heads = [group.create_task(found(key)) for key in wanted]
    return {key for head in heads if (key := head.result()) is not None}

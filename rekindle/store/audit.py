"""Orders as an audit of money needs them: each with its ledger and its entitlement."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, and_, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import HdState, OrderStatus, RefundReason
from rekindle.contracts.statuses import JobStatus
from rekindle.models import Entitlement, Job, Order, OrderItem, OrderRefund, PaymentEventRecord
from rekindle.rules.audit import AuditedOrder
from rekindle.rules.orders import OrderState
from rekindle.store.arrays import is_among
from rekindle.store.order_items import states
from rekindle.store.outcomes import asked


@dataclass(frozen=True)
class AuditEntry:
    """An order for an audit.

    Attributes:
        row: as it is in the database.
        payment_ids: payments that our rows name for it.
    """

    row: Order
    audited: AuditedOrder
    payment_ids: tuple[str, ...]


async def entries(
    session: AsyncSession,
    *,
    since: datetime,
    order_ids: Collection[UUID],
    payment_ids: Collection[str],
) -> Sequence[AuditEntry]:
    """Orders that were made since then, and older ones that money names. Five statements.

    Args:
        order_ids: that the provider's objects name.
        payment_ids: of the provider's refunds and disputes, which name no order.
    """
    rows = await _orders(session, since, order_ids, payment_ids)
    ids = [each.id for each in rows]
    ledgers = await _ledgers(session, ids)
    keys = await _entitlements(session, ids)
    items = await _items(session, ids)
    named = await _payments(session, ids)
    return [
        AuditEntry(
            row,
            _audited(row, ledgers.get(row.id, []), keys.get(row.id), items.get(row.id, [])),
            tuple(sorted(named.get(row.id, set()) | _own_payments(row, ledgers.get(row.id, [])))),
        )
        for row in rows
    ]


@dataclass(frozen=True)
class _Right:
    """An entitlement, and whether its object must be there: a deleted job took it along."""

    row: Entitlement
    has_job: bool


async def _orders(
    session: AsyncSession,
    since: datetime,
    order_ids: Collection[UUID],
    payment_ids: Collection[str],
) -> Sequence[Order]:
    payments = col(PaymentEventRecord.payment_id)
    by_event = select(col(PaymentEventRecord.order_id)).where(
        is_among(payments, payment_ids, String)
    )
    by_ledger = select(col(OrderRefund.order_id)).where(
        is_among(col(OrderRefund.payment_id), payment_ids, String)
    )
    statement = (
        select(Order)
        .where(
            or_(
                col(Order.created_at) >= since,
                is_among(col(Order.id), order_ids),
                is_among(col(Order.payment_id), payment_ids, String),
                col(Order.id).in_(union(by_event, by_ledger)),
            )
        )
        .order_by(col(Order.created_at), col(Order.id))
    )
    return (await session.execute(statement)).scalars().all()


async def _ledgers(session: AsyncSession, ids: Sequence[UUID]) -> Mapping[UUID, list[OrderRefund]]:
    statement = (
        select(OrderRefund)
        .where(is_among(col(OrderRefund.order_id), ids))
        .order_by(col(OrderRefund.order_id), col(OrderRefund.number))
    )
    found: dict[UUID, list[OrderRefund]] = defaultdict(list)
    for row in (await session.execute(statement)).scalars():
        found[row.order_id].append(row)
    return found


async def _entitlements(session: AsyncSession, ids: Sequence[UUID]) -> Mapping[UUID, _Right]:
    has_job = and_(col(Job.id) == col(Order.job_id), col(Job.status) != JobStatus.DELETED)
    statement = (
        select(Entitlement, col(Job.id))
        .join(Order, col(Order.id) == col(Entitlement.order_id))
        .outerjoin(Job, has_job)
        .where(is_among(col(Entitlement.order_id), ids))
    )
    rows = (await session.execute(statement)).all()
    return {row.order_id: _Right(row, job_id is not None) for row, job_id in rows}


@dataclass(frozen=True)
class _Item:
    """An item of an order over several photos, and whether its object must be there."""

    row: OrderItem
    has_job: bool

    @property
    def is_entitled(self) -> bool:
        return self.row.granted_at is not None and self.row.revoked_at is None


async def _items(session: AsyncSession, ids: Sequence[UUID]) -> Mapping[UUID, list[_Item]]:
    has_job = and_(col(Job.id) == col(OrderItem.job_id), col(Job.status) != JobStatus.DELETED)
    statement = (
        select(OrderItem, col(Job.id))
        .outerjoin(Job, has_job)
        .where(is_among(col(OrderItem.order_id), ids))
        .order_by(col(OrderItem.order_id), col(OrderItem.number))
    )
    found: dict[UUID, list[_Item]] = defaultdict(list)
    for row, job_id in (await session.execute(statement)).all():
        found[row.order_id].append(_Item(row, job_id is not None))
    return found


async def _payments(session: AsyncSession, ids: Sequence[UUID]) -> Mapping[UUID, set[str]]:
    order_id, payment_id = col(PaymentEventRecord.order_id), col(PaymentEventRecord.payment_id)
    statement = (
        select(order_id, payment_id)
        .where(is_among(order_id, ids), payment_id.is_not(None))
        .distinct()
    )
    found: dict[UUID, set[str]] = defaultdict(set)
    for order, payment in (await session.execute(statement)).all():
        if order is not None and payment is not None:
            found[order].add(payment)
    return found


def _own_payments(row: Order, ledger: Sequence[OrderRefund]) -> set[str]:
    own = {row.payment_id} if row.payment_id is not None else set()
    return own | {each.payment_id for each in ledger}


def _audited(
    row: Order, ledger: Sequence[OrderRefund], right: _Right | None, items: Sequence[_Item]
) -> AuditedOrder:
    entitled = [each for each in items if each.is_entitled]
    is_entitled = (right is not None and right.row.revoked_at is None) or bool(entitled)
    moments = [row.updated_at, *(m for each in ledger for m in _moments(each))]
    rights = [m for each in items for m in (each.row.granted_at, each.row.revoked_at)]
    moments += [m for m in rights if m is not None]
    if right is not None:
        moments += [m for m in (right.row.granted_at, right.row.revoked_at) if m is not None]
    must_be_there = right is not None and is_entitled and right.has_job
    return AuditedOrder(
        state=OrderState(
            order_id=row.id,
            amount=row.amount,
            currency=row.currency,
            expires_at=row.expires_at,
            is_closed=row.closed_at is not None,
            hd=HdState(row.hd),
            payment_id=row.payment_id,
            refunds=tuple(map(asked, ledger)),
            items=states([each.row for each in items]),
        ),
        status=OrderStatus(row.status),
        changed_at=max(moments),
        is_entitled=is_entitled,
        object_key=right.row.object_key if right is not None and must_be_there else None,
        item_keys=tuple(each.row.object_key or "" for each in entitled if each.has_job),
        entitled_items=frozenset(each.row.number for each in entitled),
        by_operator=frozenset(r.number for r in ledger if r.reason == RefundReason.OPERATOR),
    )


def _moments(row: OrderRefund) -> list[datetime]:
    found = (row.created_at, row.answered_at, row.void_at)
    return [each for each in found if each is not None]

"""Orders as their owners see them: found through their jobs, with what became of their HD.

An order over several photos belongs to whoever has any of them: also when its album is gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select, union, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, JobStatus
from rekindle.models import Attempt, Entitlement, Job, Order, OrderItem, OrderRefund, User
from rekindle.store.pages import Cursor, newest_first

_Columns = tuple[Order, UUID | None, Attempt, str]
"""Of one row; all but the first may be null."""
_UNDER_WAY = (OrderStatus.PAID, OrderStatus.RENDERING)


@dataclass(frozen=True)
class ItemView:
    """A photo of an order over several, with the attempt that makes its HD, if there is one.

    Attributes:
        has_job: whether its job is there, and was not deleted.
    """

    item: OrderItem
    hd: Attempt | None
    has_job: bool

    @property
    def object_key(self) -> str | None:
        """Of the HD object, while its owner has the right to read it."""
        is_granted = self.item.granted_at is not None and self.item.revoked_at is None
        return self.item.object_key or None if is_granted and self.has_job else None


@dataclass(frozen=True)
class OrderView:
    """An order with what stands beside it.

    Attributes:
        job_id: of its job, which is there; None of an order over several photos.
        hd: the attempt that makes its HD; None until somebody begins.
        object_key: of the HD object, while its owner has the right to read it.
        refunds: in the order of their numbers.
        items: of an order over several photos, in the order of their numbers.
    """

    order: Order
    job_id: UUID | None
    hd: Attempt | None
    object_key: str | None
    refunds: Sequence[OrderRefund]
    items: Sequence[ItemView] = field(default=())

    @property
    def hds(self) -> list[Attempt]:
        """Every attempt that makes HD of it."""
        return [each for each in (self.hd, *(view.hd for view in self.items)) if each is not None]


@dataclass(frozen=True)
class AttemptOrder:
    """An order of an attempt's HD, however it stands: of that attempt alone, or among others.

    Attributes:
        item: what it is to an order over several photos; None of an order of one.
    """

    order: Order
    item: OrderItem | None = None

    @property
    def job_id(self) -> UUID | None:
        """Of the attempt's job."""
        return self.order.job_id if self.item is None else self.item.job_id

    @property
    def attempt_id(self) -> UUID | None:
        """Whose HD was ordered."""
        return self.order.attempt_id if self.item is None else self.item.attempt_id

    @property
    def hd(self) -> HdState:
        """What became of that HD object, whatever became of others."""
        return HdState(self.order.hd if self.item is None else self.item.hd)


@dataclass(frozen=True)
class HdAccess:
    """An order of one HD result, and the key of its object while its owner may read that.

    Attributes:
        hd: what became of that object.
    """

    order: Order
    object_key: str | None
    hd: HdState

    @property
    def is_under_way(self) -> bool:
        """Whether it was paid, and can be had soon."""
        return self.order.status in _UNDER_WAY and self.hd is not HdState.FAILED


async def of_subject(
    session: AsyncSession, order_id: UUID, *, issuer: str, subject: str
) -> OrderView | None:
    """The order if its job belongs to that subject and was not deleted.

    Two statements, and one more of an order over several photos.
    """
    theirs = _jobs_of(issuer, subject)
    alone = theirs.where(col(Job.id) == col(Order.job_id))
    among = theirs.join(OrderItem, col(OrderItem.job_id) == col(Job.id)).where(
        col(OrderItem.order_id) == col(Order.id)
    )
    is_theirs = or_(alone.exists(), among.exists())
    found = await _read(session, _views().where(col(Order.id) == order_id, is_theirs))
    return found[0] if found else None


async def page(
    session: AsyncSession, *, issuer: str, subject: str, limit: int, after: Cursor | None
) -> Sequence[OrderView]:
    """A subject's orders, newest first. Two statements, and one more with one over several photos.

    Args:
        limit: at most so many.
        after: continue behind this place.
    """
    theirs = _jobs_of(issuer, subject)
    alone = theirs.join(Order, col(Order.job_id) == col(Job.id)).with_only_columns(col(Order.id))
    among = theirs.join(OrderItem, col(OrderItem.job_id) == col(Job.id)).with_only_columns(
        col(OrderItem.order_id)
    )
    statement = _views().where(col(Order.id).in_(union(alone, among)))
    return await _read(session, newest_first(statement, Order, limit=limit, after=after))


async def of_attempts(session: AsyncSession, attempts: Iterable[Attempt]) -> Sequence[AttemptOrder]:
    """All orders of these attempts, alone and among others, oldest first.

    One statement, or none when no attempt has succeeded: nothing else is ever sold.
    """
    sold = [each for each in attempts if each.status == AttemptStatus.SUCCEEDED]
    if not sold:
        return []
    job_ids = {each.job_id for each in sold}  # for the sake of the indexes
    attempt_ids = [each.id for each in sold]
    alone: Select[*tuple[Any, ...]] = select(
        col(Order.id).label("order_id"), col(Order.attempt_id).label("attempt_id")
    ).where(col(Order.job_id).in_(job_ids), col(Order.attempt_id).in_(attempt_ids))
    among = select(col(OrderItem.order_id), col(OrderItem.attempt_id)).where(
        col(OrderItem.job_id).in_(job_ids), col(OrderItem.attempt_id).in_(attempt_ids)
    )
    found = union_all(alone, among).subquery("found")
    its_item = and_(
        col(OrderItem.order_id) == found.c.order_id,
        col(OrderItem.attempt_id) == found.c.attempt_id,
    )
    statement = (
        select(Order, OrderItem)
        .select_from(found)
        .join(Order, col(Order.id) == found.c.order_id)
        .outerjoin(OrderItem, its_item)
        .order_by(col(Order.created_at), col(Order.id), col(OrderItem.number))
    )
    return [AttemptOrder(order, item) for order, item in (await session.execute(statement)).all()]


async def hd_of_attempt(
    session: AsyncSession, job_id: UUID, attempt_id: UUID, product: Product
) -> Sequence[HdAccess]:
    """Every order of a product of an attempt, newest first; alone, then among others.

    One statement, and another where none of the attempt alone lets its object be read.
    """
    statement = (
        select(Order, col(Entitlement.object_key))
        .outerjoin(Entitlement, _is_entitled())
        .where(
            col(Order.job_id) == job_id,
            col(Order.attempt_id) == attempt_id,
            col(Order.product) == product,
        )
        .order_by(col(Order.created_at).desc(), col(Order.id).desc())
    )
    rows = (await session.execute(statement)).all()
    alone = [HdAccess(order, key, HdState(order.hd)) for order, key in rows]
    if any(each.object_key is not None for each in alone):
        return alone
    return [*alone, *await _among_others(session, job_id, attempt_id, product)]


async def _among_others(
    session: AsyncSession, job_id: UUID, attempt_id: UUID, product: Product
) -> list[HdAccess]:
    statement = (
        select(Order, OrderItem)
        .join(OrderItem, col(OrderItem.order_id) == col(Order.id))
        .where(
            col(OrderItem.job_id) == job_id,
            col(OrderItem.attempt_id) == attempt_id,
            col(OrderItem.product) == product,
        )
        .order_by(col(Order.created_at).desc(), col(Order.id).desc())
    )
    rows = (await session.execute(statement)).all()
    return [
        HdAccess(order, ItemView(item, None, has_job=True).object_key, HdState(item.hd))
        for order, item in rows
    ]


def _jobs_of(issuer: str, subject: str) -> Select[Any]:
    """A subject's jobs that were not deleted."""
    return (
        select(col(Job.id))
        .join(User, col(User.id) == col(Job.user_id))
        .where(
            col(User.issuer) == issuer,
            col(User.subject) == subject,
            col(Job.status) != JobStatus.DELETED,
        )
    )


def _views() -> Select[*_Columns]:
    """Orders, each with its HD attempt and the object that may be read."""
    makes_hd = and_(
        col(Attempt.job_id) == col(Order.job_id),  # for the sake of its index
        col(Attempt.order_id) == col(Order.id),
        col(Attempt.kind) == AttemptKind.HD,
    )
    return (
        select(Order, col(Order.job_id), Attempt, col(Entitlement.object_key))
        .outerjoin(Attempt, makes_hd)
        .outerjoin(Entitlement, _is_entitled())
    )


def _is_entitled() -> ColumnElement[bool]:
    return and_(col(Entitlement.order_id) == col(Order.id), col(Entitlement.revoked_at).is_(None))


async def _read(session: AsyncSession, statement: Select[*_Columns]) -> list[OrderView]:
    rows = (await session.execute(statement)).all()
    if not rows:
        return []
    ledger = (
        select(OrderRefund)
        .where(col(OrderRefund.order_id).in_([order.id for order, *_ in rows]))
        .order_by(col(OrderRefund.order_id), col(OrderRefund.number))
    )
    refunds: dict[UUID, list[OrderRefund]] = {order.id: [] for order, *_ in rows}
    for row in (await session.execute(ledger)).scalars():
        refunds[row.order_id].append(row)
    items = await _items(
        session, [order.id for order, *_ in rows if order.product == Product.ALBUM]
    )
    return [
        OrderView(order, job_id, hd, key, refunds[order.id], items.get(order.id, ()))
        for order, job_id, hd, key in rows
    ]


async def _items(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[ItemView]]:
    if not order_ids:
        return {}
    makes_hd = and_(
        col(Attempt.job_id) == col(Job.id),  # for the sake of its index
        col(Attempt.order_id) == col(OrderItem.order_id),
        col(Attempt.source_id) == col(OrderItem.attempt_id),
        col(Attempt.kind) == AttemptKind.HD,
    )
    is_there = and_(col(Job.id) == col(OrderItem.job_id), col(Job.status) != JobStatus.DELETED)
    statement = (
        select(OrderItem, Attempt, col(Job.id))
        .outerjoin(Job, is_there)
        .outerjoin(Attempt, makes_hd)
        .where(col(OrderItem.order_id).in_(order_ids))
        .order_by(col(OrderItem.order_id), col(OrderItem.number))
    )
    found: dict[UUID, list[ItemView]] = {each: [] for each in order_ids}
    for item, hd, job_id in (await session.execute(statement)).all():
        found[item.order_id].append(ItemView(item, hd, has_job=job_id is not None))
    return found

"""Orders.

No call to the provider is made while a transaction is open. So whoever reconciles reads an order,
then the provider, then takes the row's `lock`, and writes only if its version is still the same
(`rekindle.store.outcomes`). Every change raises the version.

A change that people see is told to the order's job, in the same statement; that of an order over
several photos, which has no job of its own, is told to none, but outside (`webhook_outbox`). Lock
order, everywhere: first the job's turn (`rekindle.store.events`), then the order's row, then its
items.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Select, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.events import EventKind
from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.models import Job, Order, OrderItem
from rekindle.store import events
from rekindle.store.webhook_outbox import album_outbox

_TOLD = frozenset({"status", "hd", "closed_at"})
_NAMED = ("id", "job_id", "attempt_id", "album_id", "product", "status", "hd")
_UNPAID = (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT)


async def open_or_reuse(session: AsyncSession, order: Order) -> Order:
    """Write a new order, or find the one there is. Idempotent.

    Returns:
        The order of this id if there is one, however it stands; else the one of the same attempt
        and product that is not closed (its price may be in another currency); else the new one.
    """
    values = order.model_dump(exclude={"created_at", "updated_at"})
    while True:
        # Waits for another that is being written; it is then visible to the next statement.
        added = insert(Order).values(values).on_conflict_do_nothing().returning(Order)
        found = (await session.execute(added)).scalar_one_or_none()
        if found is None:
            found = await by_id(session, order.id)
        if found is None:
            found = await _unclosed(session, order)
        if found is not None:  # else it was closed between the two statements
            return found


async def by_id(session: AsyncSession, order_id: UUID) -> Order | None:
    """An order."""
    statement = select(Order).where(col(Order.id) == order_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def of_job(session: AsyncSession, job_id: UUID) -> Sequence[Order]:
    """All orders of a job, oldest first."""
    statement = (
        select(Order)
        .where(col(Order.job_id) == job_id)
        .order_by(col(Order.created_at), col(Order.id))
    )
    return (await session.execute(statement)).scalars().all()


async def with_job(session: AsyncSession, job_id: UUID) -> Sequence[Order]:
    """All orders that sell something of a job, alone or among others, in the order of their ids."""
    among = select(col(OrderItem.order_id)).where(col(OrderItem.job_id) == job_id)
    statement = (
        select(Order)
        .where(or_(col(Order.job_id) == job_id, col(Order.id).in_(among)))
        .order_by(col(Order.id))
    )
    return (await session.execute(statement)).scalars().all()


async def lock(session: AsyncSession, order_id: UUID) -> Order | None:
    """An order as it is now; nobody else changes it until this transaction ends."""
    await _take_turn(session, order_id)
    statement = (
        select(Order)
        .where(col(Order.id) == order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def begin_session(
    session: AsyncSession, order_id: UUID, *, version: int, expires_at: datetime
) -> int | None:
    """Note, before the call, that a checkout session is about to be made.

    Args:
        expires_at: the session's end, which becomes the offer's.

    Returns:
        The session's number, for its idempotency key; None if the order has changed or is over.
    """
    statement = (
        update(Order)
        .where(
            col(Order.id) == order_id,
            col(Order.version) == version,
            col(Order.closed_at).is_(None),
            col(Order.status).in_(_UNPAID),
        )
        .values(sessions_begun=Order.sessions_begun + 1, expires_at=expires_at, **_touch())
        .returning(col(Order.sessions_begun))
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def note_session(session: AsyncSession, order_id: UUID, session_id: str) -> bool:
    """Keep the id of a session. Returns False when it was known already."""
    return await change(
        session,
        order_id,
        ~col(Order.session_ids).contains([session_id]),
        session_ids=func.array_append(Order.session_ids, session_id),
    )


async def await_payment(session: AsyncSession, order_id: UUID) -> bool:
    """Note that the order has an open page. Returns False when nothing changed."""
    is_new = col(Order.status) == OrderStatus.CREATED
    return await change(session, order_id, is_new, status=OrderStatus.AWAITING_PAYMENT)


async def note_page(
    session: AsyncSession, order_id: UUID, session_id: str, *, is_open: bool
) -> None:
    """Keep the id of a session that was just made, and note that its page is open. Idempotent."""
    if is_open:  # first, since it waits for the turn of the job
        await await_payment(session, order_id)
    await note_session(session, order_id, session_id)


async def note_hd(
    session: AsyncSession, order_id: UUID, hd: HdState, *, error_code: str | None = None
) -> bool:
    """Note what became of the HD object. Ready and failed are final; False if nothing changed.

    An order that was paid is rendering as soon as its HD is, without another look at its payment.
    """
    before = (HdState.WAITING,) if hd is HdState.RENDERING else (HdState.WAITING, HdState.RENDERING)
    return await change(
        session,
        order_id,
        col(Order.hd).in_(before),
        hd=hd,
        error_code=error_code,
        **status_with(hd),
    )


def status_with(hd: HdState) -> dict[str, Any]:
    """What an order's status becomes along with what became of its HD object, for `change`."""
    if hd is not HdState.RENDERING:
        return {}  # what else follows, only a look at the payment tells
    is_paid = col(Order.status) == OrderStatus.PAID
    return {"status": case((is_paid, OrderStatus.RENDERING), else_=col(Order.status))}


async def close(session: AsyncSession, order_id: UUID, *, is_paid_back: bool = False) -> bool:
    """Give an order up: what is paid on it goes back. Returns False when nothing changed.

    Args:
        is_paid_back: an operator decided so, whatever was paid; otherwise only an order for which
            nobody has paid yet is closed.
    """
    conditions = [] if is_paid_back else [col(Order.status).in_(_UNPAID)]
    return await change(
        session,
        order_id,
        col(Order.closed_at).is_(None),
        *conditions,
        closed_at=func.clock_timestamp(),
    )


async def change(
    session: AsyncSession, order_id: UUID, *conditions: ColumnElement[bool], **values: Any
) -> bool:
    """Change an order where the conditions hold, and raise its version. False if they do not.

    A new status or HD state, and closing, are told to the order's job. Its items close with it.
    """
    is_told = not _TOLD.isdisjoint(values)
    if is_told:
        await _take_turn(session, order_id)
    changed = (
        update(Order)
        .where(col(Order.id) == order_id, *conditions)
        .values(**values, **_touch())
        .returning(*(getattr(Order, name) for name in _NAMED))
        .cte("changed")
    )
    statement: Select[*tuple[Any, ...]] = select(changed.c.product)
    if is_told:
        statement = statement.add_columns(_told(changed)).add_cte(album_outbox(changed))
    found = (await session.execute(statement)).first()
    if found is not None and found.product == Product.ALBUM and "closed_at" in values:
        await _close_items(session, order_id)
    return found is not None


async def _close_items(session: AsyncSession, order_id: UUID) -> None:
    change = (
        update(OrderItem)
        .where(col(OrderItem.order_id) == order_id, col(OrderItem.closed_at).is_(None))
        .values(closed_at=func.clock_timestamp())
    )
    await session.execute(change, execution_options={"synchronize_session": False})


async def _take_turn(session: AsyncSession, order_id: UUID) -> None:
    """Wait for the turn at the order's job; there is none without a job."""
    its_job = select(col(Job.id)).join(Order, col(Order.job_id) == col(Job.id))
    await session.execute(select(events.turn(its_job.where(col(Order.id) == order_id)).c.job_id))


def _told(changed: CTE) -> ScalarSelect[int]:
    """How many events were written of a change: none without a job."""
    ours = select(changed).where(changed.c.job_id.is_not(None)).cte("ours")
    data = events.data({"order_id": ours.c.id, "status": ours.c.status, "hd": ours.c.hd})
    rung = events.telling(ours, EventKind.ORDER_CHANGED, ours.c.attempt_id, data).cte("rung")
    return select(func.count()).select_from(rung).scalar_subquery()


def _touch() -> dict[str, Any]:
    return {"version": Order.version + 1, "updated_at": func.clock_timestamp()}


async def _unclosed(session: AsyncSession, order: Order) -> Order | None:
    statement = select(Order).where(
        col(Order.attempt_id) == order.attempt_id,
        col(Order.product) == order.product,
        col(Order.closed_at).is_(None),
    )
    return (await session.execute(statement)).scalar_one_or_none()

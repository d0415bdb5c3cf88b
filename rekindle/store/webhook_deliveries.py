"""Deliveries of webhooks: which are due, what became of them. By the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import case, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.webhooks import DeliveryStatus, EndpointStatus, SendFailure
from rekindle.models import WebhookDelivery, WebhookEndpoint

WATCH = timedelta(minutes=10)
"""A pending delivery that did not move for so long after it should have is begun anew."""
KEPT = timedelta(days=30)
"""Deliveries that have ended are forgotten after this long."""


@dataclass(frozen=True)
class Due:
    """A delivery whose workflow is to be started."""

    delivery_id: UUID
    event_id: int
    endpoint_id: UUID


@dataclass(frozen=True)
class ToSend:
    """A delivery, and where it goes.

    Attributes:
        endpoint: None when it was deleted.
        now: the present.
    """

    delivery: WebhookDelivery
    endpoint: WebhookEndpoint | None
    now: datetime


async def claim_due(session: AsyncSession, *, most: int) -> Sequence[Due]:
    """Take deliveries that are due: nobody else gets them for a while. Oldest first."""
    due = (
        select(col(WebhookDelivery.id))
        .where(
            col(WebhookDelivery.status) == DeliveryStatus.PENDING,
            col(WebhookDelivery.due_at) <= func.clock_timestamp(),
        )
        .order_by(col(WebhookDelivery.due_at))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(WebhookDelivery)
        .where(col(WebhookDelivery.id).in_(due.scalar_subquery()))
        .values(due_at=func.clock_timestamp() + literal(WATCH))
        .returning(
            col(WebhookDelivery.id),
            col(WebhookDelivery.event_id),
            col(WebhookDelivery.endpoint_id),
        )
        .execution_options(synchronize_session=False)
    )
    return [Due(*row) for row in (await session.execute(statement)).all()]


async def give_back(session: AsyncSession, delivery_ids: Sequence[UUID]) -> None:
    """Deliveries that were taken and could not be begun are due again."""
    await session.execute(
        update(WebhookDelivery)
        .where(col(WebhookDelivery.id).in_(delivery_ids))
        .values(due_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


async def to_send(session: AsyncSession, delivery_id: UUID) -> ToSend | None:
    """A delivery and its endpoint, in one statement; None when it is gone."""
    statement = (
        select(WebhookDelivery, WebhookEndpoint, func.clock_timestamp())
        .outerjoin(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint_id))
        .where(col(WebhookDelivery.id) == delivery_id)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else ToSend(*row)


async def note_try(
    session: AsyncSession,
    delivery_id: UUID,
    *,
    status: DeliveryStatus,
    last_status: int | None,
    last_failure: SendFailure | None,
    next_after: timedelta | None,
) -> None:
    """Note a try of a pending delivery and what it came to.

    Args:
        next_after: when the next one is; None when there is none.
    """
    has_ended = status is not DeliveryStatus.PENDING
    watched = func.clock_timestamp() + literal((next_after or timedelta()) + WATCH)
    await session.execute(
        update(WebhookDelivery)
        .where(
            col(WebhookDelivery.id) == delivery_id,
            col(WebhookDelivery.status) == DeliveryStatus.PENDING,
        )
        .values(
            tries=WebhookDelivery.tries + 1,
            status=status,
            last_status=last_status,
            last_failure=last_failure,
            due_at=watched,
            ended_at=func.clock_timestamp() if has_ended else None,
        )
        .execution_options(synchronize_session=False)
    )


async def give_up(session: AsyncSession, delivery_id: UUID) -> None:
    """End a delivery without sending it: its endpoint is disabled."""
    await session.execute(
        update(WebhookDelivery)
        .where(
            col(WebhookDelivery.id) == delivery_id,
            col(WebhookDelivery.status) == DeliveryStatus.PENDING,
        )
        .values(status=DeliveryStatus.FAILED, ended_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


async def forget(session: AsyncSession, delivery_id: UUID) -> None:
    """Delete a delivery whose endpoint was deleted."""
    await session.execute(
        delete(WebhookDelivery).where(col(WebhookDelivery.id) == delivery_id),
        execution_options={"synchronize_session": False},
    )


async def note_endpoint(session: AsyncSession, endpoint_id: UUID, status: EndpointStatus) -> None:
    """Note how an endpoint does; one that is disabled stays so, and no change writes nothing."""
    await session.execute(
        update(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.id) == endpoint_id,
            col(WebhookEndpoint.status).not_in((EndpointStatus.DISABLED, status)),
        )
        .values(status=status)
        .execution_options(synchronize_session=False)
    )


async def forget_ended(session: AsyncSession) -> None:
    """Delete deliveries that ended long ago."""
    await session.execute(
        delete(WebhookDelivery).where(
            col(WebhookDelivery.ended_at) < func.clock_timestamp() - literal(KEPT)
        ),
        execution_options={"synchronize_session": False},
    )


async def newest(
    session: AsyncSession,
    *,
    status: DeliveryStatus | None,
    endpoint_id: UUID | None,
    limit: int,
) -> Sequence[WebhookDelivery]:
    """Deliveries, newest first.

    Args:
        status: only those that stand so.
        endpoint_id: only those to this endpoint.
        limit: at most so many.
    """
    statement = (
        select(WebhookDelivery)
        .order_by(col(WebhookDelivery.happened_at).desc(), col(WebhookDelivery.id))
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(col(WebhookDelivery.status) == status)
    if endpoint_id is not None:
        statement = statement.where(col(WebhookDelivery.endpoint_id) == endpoint_id)
    return (await session.execute(statement)).scalars().all()


async def reopen(session: AsyncSession, delivery_id: UUID) -> Due | None:
    """Make a delivery pending again, however it stood; None when there is none of that id."""
    is_pending = col(WebhookDelivery.status) == DeliveryStatus.PENDING
    statement = (
        update(WebhookDelivery)
        .where(col(WebhookDelivery.id) == delivery_id)
        .values(
            status=DeliveryStatus.PENDING,
            due_at=case((is_pending, col(WebhookDelivery.due_at)), else_=func.clock_timestamp()),
            ended_at=None,
        )
        .returning(
            col(WebhookDelivery.id),
            col(WebhookDelivery.event_id),
            col(WebhookDelivery.endpoint_id),
        )
        .execution_options(synchronize_session=False)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else Due(*row)

"""Webhook endpoints: where people want to be told."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.models import User, WebhookDelivery, WebhookEndpoint


async def make(session: AsyncSession, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Write an endpoint, or find the one of its id: that stays as it is."""
    values = endpoint.model_dump(exclude={"created_at"})
    row = insert(WebhookEndpoint).values(values)
    kept = row.on_conflict_do_update(
        index_elements=[col(WebhookEndpoint.id)],
        set_={"id": row.excluded.id},
    ).returning(WebhookEndpoint)
    return (await session.execute(kept)).scalar_one()


async def count_others(session: AsyncSession, user_id: UUID, endpoint_id: UUID) -> int:
    """How many other endpoints a user has."""
    statement = (
        select(func.count())
        .select_from(WebhookEndpoint)
        .where(col(WebhookEndpoint.user_id) == user_id, col(WebhookEndpoint.id) != endpoint_id)
    )
    return (await session.execute(statement)).scalar_one()


async def listed(session: AsyncSession, *, issuer: str, subject: str) -> Sequence[WebhookEndpoint]:
    """The endpoints of a subject, oldest first."""
    statement = (
        select(WebhookEndpoint)
        .where(col(WebhookEndpoint.user_id).in_(_user(issuer, subject)))
        .order_by(col(WebhookEndpoint.created_at), col(WebhookEndpoint.id))
    )
    return (await session.execute(statement)).scalars().all()


async def of_subject(
    session: AsyncSession, endpoint_id: UUID, *, issuer: str, subject: str
) -> WebhookEndpoint | None:
    """The endpoint if it belongs to that subject."""
    statement = select(WebhookEndpoint).where(
        col(WebhookEndpoint.id) == endpoint_id,
        col(WebhookEndpoint.user_id).in_(_user(issuer, subject)),
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def rotate(
    session: AsyncSession, endpoint_id: UUID, rotation_id: UUID, *, issuer: str, subject: str
) -> WebhookEndpoint | None:
    """Change an endpoint's secret. Idempotent for the same `rotation_id`.

    Returns:
        The row as it is now; None when the subject has no such endpoint.
    """
    is_new = col(WebhookEndpoint.rotation_id).is_distinct_from(rotation_id)
    statement = (
        update(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.id) == endpoint_id,
            col(WebhookEndpoint.user_id).in_(_user(issuer, subject)),
        )
        .values(
            rotation=WebhookEndpoint.rotation + case((is_new, 1), else_=0),
            rotated_at=case(
                (is_new, func.clock_timestamp()), else_=col(WebhookEndpoint.rotated_at)
            ),
            rotation_id=rotation_id,
        )
        .returning(WebhookEndpoint)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def remove(session: AsyncSession, endpoint_id: UUID, *, issuer: str, subject: str) -> bool:
    """Delete an endpoint and what was to be delivered there. False when there is no such one."""
    gone = (
        delete(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.id) == endpoint_id,
            col(WebhookEndpoint.user_id).in_(_user(issuer, subject)),
        )
        .returning(col(WebhookEndpoint.id))
        .cte("gone")
    )
    ids = select(gone.c.id)
    theirs = delete(WebhookDelivery).where(col(WebhookDelivery.endpoint_id).in_(ids)).cte("theirs")
    return (await session.execute(ids.add_cte(theirs))).first() is not None


def _user(issuer: str, subject: str) -> Select[UUID]:
    return select(col(User.id)).where(col(User.issuer) == issuer, col(User.subject) == subject)

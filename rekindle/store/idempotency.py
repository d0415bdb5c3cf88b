"""Idempotency keys: claimed in one statement, answered in another.

Leases and ages are measured by the database's clock, which all API processes share; a test may
name another moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.models import IdempotencyKey

KEPT = timedelta(hours=24)
"""How long a reply is repeated."""


@dataclass(frozen=True)
class StoredReply:
    """What a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class KeyState:
    """How a key stands.

    Attributes:
        tries: how often its request has been begun.
        reply: None while there is none.
    """

    fingerprint: str
    first_used_at: datetime
    tries: int
    holder: UUID
    reply: StoredReply | None


async def claim(
    session: AsyncSession,
    scope: str,
    fingerprint: str,
    holder: UUID,
    *,
    lease: timedelta,
    at: datetime | None = None,
) -> KeyState | None:
    """Take a key if it is free, and say how it stands: it was taken if `holder` is its holder.

    Free is a key that was never used, whose 24 hours are over, or whose try at the same request
    failed or died. None when another claim is being written at this very moment: look again.
    One that is not free is read and neither locked nor written, so that whoever looks often while
    a twin is at it delays nobody.

    Args:
        scope: whose key it is, for which method and path.
        fingerprint: of what was sent.
        holder: a new name for this try.
        lease: how long it counts as alive without `renew`.
        at: the present, for tests.
    """
    now = _now(at)
    key = IdempotencyKey
    expired = col(key.first_used_at) <= now - literal(KEPT)
    nobodys = func.coalesce(col(key.leased_until) <= now, True)
    failed = and_(col(key.status).is_(None), col(key.fingerprint) == fingerprint)
    free = and_(nobodys, or_(expired, failed))
    # `on conflict do update` locks the row even where its condition does not hold.
    is_anothers = exists().where(col(key.scope) == scope, not_(free))
    wanted: dict[str, ColumnElement[Any]] = {
        "scope": literal(scope),
        "fingerprint": literal(fingerprint),
        "first_used_at": now,
        "tries": literal(1),
        "holder": literal(holder),
        "leased_until": now + literal(lease),
    }
    new = insert(key).from_select([*wanted], select(*wanted.values()).where(not_(is_anothers)))
    taken = (
        new.on_conflict_do_update(
            index_elements=[col(key.scope)],
            where=free,
            set_={
                "fingerprint": new.excluded.fingerprint,
                "first_used_at": case(
                    (expired, new.excluded.first_used_at), else_=col(key.first_used_at)
                ),
                "tries": case((expired, 1), else_=col(key.tries) + 1),
                "holder": new.excluded.holder,
                "leased_until": new.excluded.leased_until,
                "status": None,
                "headers": None,
                "body": None,
            },
        )
        .returning(*_columns())
        .cte("taken")
    )
    as_it_was = select(*_columns()).where(col(key.scope) == scope, ~exists(select(taken.c.holder)))
    row = (await session.execute(select(taken).union_all(as_it_was))).one_or_none()
    return None if row is None else _state(*row)


async def renew(
    session: AsyncSession,
    scope: str,
    holder: UUID,
    *,
    lease: timedelta,
    at: datetime | None = None,
) -> bool:
    """Say that a try is alive. Returns False when another has taken its place."""
    return await _write(session, scope, holder, leased_until=_now(at) + literal(lease))


async def release(session: AsyncSession, scope: str, holder: UUID) -> bool:
    """Give a key back unanswered: the same request may try again at once, no other."""
    return await _write(session, scope, holder, leased_until=None)


async def answer(session: AsyncSession, scope: str, holder: UUID, reply: StoredReply) -> bool:
    """Keep the reply. Returns False, and keeps none, when another has taken the try's place."""
    return await _write(
        session,
        scope,
        holder,
        leased_until=None,
        status=reply.status,
        headers=dict(reply.headers),
        body=reply.body,
    )


async def sweep(session: AsyncSession, *, most: int, at: datetime | None = None) -> int:
    """Delete at most so many keys whose 24 hours are over; returns how many.

    Passes over rows that another is sweeping or claiming, so it never waits.
    """
    old = (
        select(col(IdempotencyKey.scope))
        .where(
            col(IdempotencyKey.first_used_at) <= _now(at) - literal(KEPT),
            func.coalesce(col(IdempotencyKey.leased_until) <= _now(at), True),
        )
        .order_by(col(IdempotencyKey.first_used_at))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = delete(IdempotencyKey).where(col(IdempotencyKey.scope).in_(old))
    returned = await session.execute(gone.returning(col(IdempotencyKey.scope)))
    return len(returned.all())


async def _write(session: AsyncSession, scope: str, holder: UUID, **values: Any) -> bool:
    """Change a key that this holder has and that is not answered."""
    change = (
        update(IdempotencyKey)
        .where(
            col(IdempotencyKey.scope) == scope,
            col(IdempotencyKey.holder) == holder,
            col(IdempotencyKey.status).is_(None),
        )
        .values(**values)
        .returning(col(IdempotencyKey.scope))
    )
    return (await session.execute(change)).first() is not None


def _now(at: datetime | None) -> ColumnElement[datetime]:
    return func.clock_timestamp() if at is None else literal(at, DateTime(timezone=True))


def _columns() -> list[ColumnElement[Any]]:
    names = ("fingerprint", "first_used_at", "tries", "holder", "status", "headers", "body")
    return [getattr(IdempotencyKey, name) for name in names]


def _state(
    fingerprint: str,
    first_used_at: datetime,
    tries: int,
    holder: UUID,
    status: int | None,
    headers: Mapping[str, str] | None,
    body: bytes | None,
) -> KeyState:
    reply = None if status is None else StoredReply(status, headers or {}, body or b"")
    return KeyState(fingerprint, first_used_at, tries, holder, reply)

"""Albums and the photos in them. A deleted job is in no album, until it is had back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    and_,
    cast,
    delete,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.types import Uuid
from sqlmodel import col

from rekindle.contracts.statuses import AttemptKind, JobStatus
from rekindle.models import Album, AlbumItem, Attempt, Job, User
from rekindle.store.arrays import is_among
from rekindle.store.pages import Cursor, newest_first


@dataclass(frozen=True)
class AlbumView:
    """An album, and how many photos are in it."""

    album: Album
    photos: int


@dataclass(frozen=True)
class AlbumPhoto:
    """A photo in an album.

    Attributes:
        restoration: the selected one; without any, the latest; None when there is none at all.
    """

    job: Job
    restoration: Attempt | None


async def record(session: AsyncSession, album: Album, job_ids: Sequence[UUID]) -> None:
    """Write a new album with its photos. Idempotent: one that exists is left alone."""
    values = album.model_dump(exclude={"created_at", "updated_at"})
    added = insert(Album).values(values).on_conflict_do_nothing().returning(col(Album.id))
    if (await session.execute(added)).first() is not None:
        await _put(session, album.id, job_ids)


async def of_subject(
    session: AsyncSession, album_id: UUID, *, issuer: str, subject: str
) -> AlbumView | None:
    """The album if it belongs to that subject."""
    statement = (
        select(Album, _photos_in())
        .join(User, col(User.id) == col(Album.user_id))
        .where(col(Album.id) == album_id, col(User.issuer) == issuer, col(User.subject) == subject)
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else AlbumView(*found)


async def page(
    session: AsyncSession, *, issuer: str, subject: str, limit: int, after: Cursor | None
) -> Sequence[AlbumView]:
    """A subject's albums, newest first; one statement.

    Args:
        limit: at most so many.
        after: continue behind this place.
    """
    statement = (
        select(Album, _photos_in())
        .join(User, col(User.id) == col(Album.user_id))
        .where(col(User.issuer) == issuer, col(User.subject) == subject)
    )
    paged = newest_first(statement, Album, limit=limit, after=after)
    return [AlbumView(*row) for row in (await session.execute(paged)).all()]


async def photos(session: AsyncSession, album_id: UUID) -> Sequence[AlbumPhoto]:
    """What is in an album, in its order; one statement."""
    shown = aliased(
        Attempt,
        select(Attempt)
        .where(
            col(Attempt.job_id) == col(Job.id),
            col(Attempt.kind) == AttemptKind.RESTORE,
        )
        .order_by(
            func.coalesce(col(Attempt.id) == col(Job.selected_restore_id), False).desc(),
            col(Attempt.created_at).desc(),
            col(Attempt.id).desc(),
        )
        .limit(1)
        .correlate(Job)
        .lateral("shown"),
    )
    statement = (
        select(Job, shown)
        .join(AlbumItem, _is_in())
        .outerjoin(shown, true())
        .where(col(AlbumItem.album_id) == album_id)
        .order_by(col(AlbumItem.position), col(AlbumItem.job_id))
        .execution_options(populate_existing=True)
    )
    return [AlbumPhoto(job, attempt) for job, attempt in (await session.execute(statement)).all()]


async def owned(
    session: AsyncSession, job_ids: Collection[UUID], *, issuer: str, subject: str
) -> set[UUID]:
    """Those of the jobs that belong to that subject and were not deleted."""
    statement = (
        select(col(Job.id))
        .join(User, col(User.id) == col(Job.user_id))
        .where(
            is_among(col(Job.id), job_ids),
            col(Job.status) != JobStatus.DELETED,
            col(User.issuer) == issuer,
            col(User.subject) == subject,
        )
    )
    return set((await session.execute(statement)).scalars())


async def lock(session: AsyncSession, album_id: UUID) -> int | None:
    """Keep an album as it is until this transaction ends; how many photos are in it.

    None when there is no such album any more.
    """
    row = select(col(Album.id)).where(col(Album.id) == album_id).with_for_update()
    if (await session.execute(row)).first() is None:
        return None
    statement = select(_photos_in()).where(col(Album.id) == album_id)
    return (await session.execute(statement)).scalar_one()


async def add(session: AsyncSession, album_id: UUID, job_ids: Sequence[UUID]) -> None:
    """Put photos into a locked album, behind the others. Idempotent."""
    await _put(session, album_id, job_ids)
    await _touch(session, album_id)


async def among(session: AsyncSession, album_id: UUID, job_ids: Collection[UUID]) -> set[UUID]:
    """Those of the jobs that are in an album."""
    statement = select(col(AlbumItem.job_id)).where(
        col(AlbumItem.album_id) == album_id, col(AlbumItem.job_id).in_(job_ids)
    )
    return set((await session.execute(statement)).scalars())


async def remove(session: AsyncSession, album_id: UUID, job_id: UUID) -> bool:
    """Take a photo out of a locked album. Returns False when it was not in it."""
    gone = (
        delete(AlbumItem)
        .where(col(AlbumItem.album_id) == album_id, col(AlbumItem.job_id) == job_id)
        .returning(col(AlbumItem.job_id))
    )
    if (await session.execute(gone)).first() is None:
        return False
    await _touch(session, album_id)
    return True


async def forget(session: AsyncSession, album_id: UUID) -> None:
    """Delete an album. Its photos stay, and so do its orders. Idempotent."""
    await session.execute(delete(Album).where(col(Album.id) == album_id))


async def _put(session: AsyncSession, album_id: UUID, job_ids: Sequence[UUID]) -> None:
    last = (
        select(func.coalesce(func.max(col(AlbumItem.position)), 0))
        .where(col(AlbumItem.album_id) == album_id)
        .scalar_subquery()
    )
    names = func.unnest(literal(list(job_ids), ARRAY(Uuid()))).table_valued(
        "job_id", with_ordinality="nth", name="put"
    )
    put = names.render_derived()
    added = (
        insert(AlbumItem)
        .from_select(
            ["album_id", "job_id", "position"],
            select(literal(album_id, Uuid()), put.c.job_id, last + cast(put.c.nth, Integer)),
        )
        .on_conflict_do_nothing()
    )
    await session.execute(added)


async def _touch(session: AsyncSession, album_id: UUID) -> None:
    change = update(Album).where(col(Album.id) == album_id)
    await session.execute(change.values(updated_at=func.clock_timestamp()))


def _is_in() -> ColumnElement[bool]:
    return and_(col(Job.id) == col(AlbumItem.job_id), col(Job.status) != JobStatus.DELETED)


def _photos_in() -> ScalarSelect[int]:
    return (
        select(func.count())
        .select_from(AlbumItem)
        .join(Job, _is_in())
        .where(col(AlbumItem.album_id) == col(Album.id))
        .correlate(Album)
        .scalar_subquery()
    )

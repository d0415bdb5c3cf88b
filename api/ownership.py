"""Whose job, order, album or upload it is: the one place where that is decided."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from api.dependencies import Ports
from api.identity import CurrentPrincipal
from rekindle.errors import AlbumNotFound, JobNotFound, OrderNotFound, UploadNotFound
from rekindle.models import Job, Upload
from rekindle.ports.identity import Principal
from rekindle.store import albums, deletion, jobs, order_views, standings, uploads
from rekindle.store.albums import AlbumView
from rekindle.store.order_views import OrderView
from rekindle.store.standings import JobToStart


async def owned(session: AsyncSession, job_id: UUID, principal: Principal) -> Job:
    """The principal's job of that id, as it is now.

    Raises:
        JobNotFound: there is none, it was deleted, or it is somebody else's: a stranger
            learns nothing, not even that it exists.
    """
    job = await jobs.of_subject(session, job_id, issuer=principal.issuer, subject=principal.subject)
    if job is None:
        raise JobNotFound
    return job


async def owned_or_deleted(session: AsyncSession, job_id: UUID, principal: Principal) -> Job:
    """As `owned`, but also a job that is deleted and not erased yet; with its turn.

    Raises:
        JobNotFound: there is none, it was erased, or it is somebody else's.
    """
    job = await deletion.find(session, job_id, issuer=principal.issuer, subject=principal.subject)
    if job is None:
        raise JobNotFound
    return job


async def owned_order(session: AsyncSession, order_id: UUID, principal: Principal) -> OrderView:
    """The principal's order of that id, as it is now: an order belongs to who has its job.

    Raises:
        OrderNotFound: there is none, its job was deleted, or it is somebody else's.
    """
    view = await order_views.of_subject(
        session, order_id, issuer=principal.issuer, subject=principal.subject
    )
    if view is None:
        raise OrderNotFound
    return view


async def owned_upload(session: AsyncSession, upload_id: UUID, principal: Principal) -> Upload:
    """The principal's upload of that id, as it is now.

    Raises:
        UploadNotFound: there is none, it is too long ago, or it is somebody else's.
    """
    upload = await uploads.of_subject(
        session, upload_id, issuer=principal.issuer, subject=principal.subject
    )
    if upload is None:
        raise UploadNotFound
    return upload


async def owned_album(session: AsyncSession, album_id: UUID, principal: Principal) -> AlbumView:
    """The principal's album of that id, as it is now.

    Raises:
        AlbumNotFound: there is none, or it is somebody else's.
    """
    view = await albums.of_subject(
        session, album_id, issuer=principal.issuer, subject=principal.subject
    )
    if view is None:
        raise AlbumNotFound
    return view


async def _owned_job(job_id: UUID, principal: CurrentPrincipal, ports: Ports) -> Job:
    async with ports.database.transaction() as session:
        return await owned(session, job_id, principal)


async def _job_to_start(job_id: UUID, principal: CurrentPrincipal, ports: Ports) -> JobToStart:
    async with ports.database.transaction() as session:
        found = await standings.job_to_start(
            session, job_id, issuer=principal.issuer, subject=principal.subject
        )
    if found is None:
        raise JobNotFound
    return found


async def _owned_album(album_id: UUID, principal: CurrentPrincipal, ports: Ports) -> AlbumView:
    async with ports.database.transaction() as session:
        return await owned_album(session, album_id, principal)


OwnedAlbum = Annotated[AlbumView, Depends(_owned_album)]
"""The caller's album that the path names."""

OwnedJob = Annotated[Job, Depends(_owned_job)]
"""The caller's job that the path names."""

OwnedJobToStart = Annotated[JobToStart, Depends(_job_to_start)]
"""The same, with what its owner has under way already."""

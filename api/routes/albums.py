"""Albums: photos that are looked at together. An album owns nothing: its photos are jobs."""

import asyncio
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response, status
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api import cursors, paths
from api.dependencies import AppSettings, Ports, Waker
from api.documents import PageLinks, examples
from api.documents.albums import AlbumDocument, AlbumPage, album_document, album_page
from api.idempotency import CurrentClaim
from api.identity import CurrentPrincipal, guarded_router
from api.ownership import OwnedAlbum, owned_album
from api.problems import command_problems, guarded_problems
from api.selling import offer
from api.waiting import waiting_among
from rekindle.errors import AlbumFull, AlbumNotFound, DatabaseUnavailable, JobNotFound
from rekindle.models import Album
from rekindle.ports.identity import Principal
from rekindle.settings import Settings
from rekindle.store import album_orders, albums, orders, users
from rekindle.wiring.api import ApiPorts

router = guarded_router("albums")

_MOST_AT_ONCE = 1000


def _printable(text: str) -> str:
    """Nothing that breaks a line, or Postgres."""
    if text and not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


class _Photos(BaseModel):
    model_config = ConfigDict(extra="forbid")

    job_ids: list[UUID] = Field(
        min_length=1,
        max_length=_MOST_AT_ONCE,
        description="Jobs of yours; one that is named twice is there once.",
    )

    @property
    def wanted(self) -> list[UUID]:
        """Each job once, in the order in which they were named."""
        return list(dict.fromkeys(self.job_ids))


class AlbumRequest(_Photos):
    """Which photos to put into a new album."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NEW_ALBUM]})

    title: Annotated[str, AfterValidator(_printable)] = Field(
        "", max_length=200, description="For you to recognize it by."
    )


class ItemsRequest(_Photos):
    """Which photos to put in."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job_ids": examples.NEW_ALBUM["job_ids"]}]}
    )


@router.post(
    paths.ALBUMS,
    status_code=status.HTTP_201_CREATED,
    responses=command_problems(JobNotFound, AlbumFull, DatabaseUnavailable),
)
async def make_album(
    wish: AlbumRequest,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    response: Response,
) -> AlbumDocument:
    """Make an album of photos that are there. A photo may be in several."""
    _require_room(len(wish.wanted), settings)
    album_id = claim.new_id("album")
    async with ports.database.transaction() as session:
        await _require_owned(session, wish.wanted, principal)
        user_id = await users.remember(session, issuer=principal.issuer, subject=principal.subject)
        album = Album(id=album_id, user_id=user_id, title=wish.title)
        await albums.record(session, album, wish.wanted)
    response.headers["Location"] = paths.album(album_id)
    return await _document(album_id, principal, ports, settings)


@router.get(paths.ALBUMS, responses=guarded_problems(DatabaseUnavailable))
async def list_albums(
    principal: CurrentPrincipal,
    ports: Ports,
    limit: Annotated[int, Query(ge=1, le=100, description="Most albums on a page.")] = 20,
    cursor: Annotated[
        str | None,
        Query(max_length=cursors.LONGEST_CURSOR, description="From the link to the next page."),
    ] = None,
) -> AlbumPage:
    """The caller's own albums, newest first, without their photos."""
    after = None if cursor is None else cursors.from_word(cursor)
    async with ports.database.transaction() as session:
        # One more than is shown: whether there is a next page.
        views = await albums.page(
            session,
            issuer=principal.issuer,
            subject=principal.subject,
            limit=limit + 1,
            after=after,
        )
    shown = views[:limit]
    following = None
    if len(views) > limit:
        following = cursors.to_word(cursors.place_of(shown[-1].album))
    links = PageLinks(
        self=paths.albums_page(limit=limit, cursor=cursor),
        next=paths.albums_page(limit=limit, cursor=following) if following else None,
    )
    return album_page(shown, links)


@router.get(paths.ALBUM, responses=guarded_problems(AlbumNotFound, DatabaseUnavailable))
async def get_album(
    album_id: UUID, principal: CurrentPrincipal, ports: Ports, settings: AppSettings
) -> AlbumDocument:
    """An album: each photo with its restoration, how its HD stands, and what all HD would cost."""
    return await _document(album_id, principal, ports, settings)


@router.post(
    paths.ALBUM_ITEMS,
    responses=command_problems(AlbumNotFound, JobNotFound, AlbumFull, DatabaseUnavailable),
)
async def add_album_items(
    album_id: UUID,
    wish: ItemsRequest,
    principal: CurrentPrincipal,
    ports: Ports,
    settings: AppSettings,
) -> AlbumDocument:
    """Put photos into an album, behind the others. One that is in it already stays where it is."""
    async with ports.database.transaction() as session:
        await owned_album(session, album_id, principal)
        await _require_owned(session, wish.wanted, principal)
        photos = await albums.lock(session, album_id)
        if photos is None:
            raise AlbumNotFound
        known = await albums.among(session, album_id, wish.wanted)
        _require_room(photos + len(wish.wanted) - len(known), settings)
        await albums.add(session, album_id, wish.wanted)
    return await _document(album_id, principal, ports, settings)


@router.delete(
    paths.ALBUM_ITEM,
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded_problems(AlbumNotFound, JobNotFound, DatabaseUnavailable),
)
async def remove_album_item(album: OwnedAlbum, job_id: UUID, ports: Ports) -> None:
    """Take a photo out of an album. The photo stays, and so does an order of it."""
    async with ports.database.transaction() as session:
        await albums.lock(session, album.album.id)
        if not await albums.remove(session, album.album.id, job_id):
            raise JobNotFound


@router.delete(
    paths.ALBUM,
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded_problems(AlbumNotFound, DatabaseUnavailable),
)
async def delete_album(album: OwnedAlbum, ports: Ports, waker: Waker) -> None:
    """Delete an album, and nothing else: its photos stay, and what was paid for is delivered.

    An order of it that nobody has paid is given up: what is paid on it meanwhile goes back.
    """
    async with ports.database.transaction() as session:
        if await albums.lock(session, album.album.id) is None:
            raise AlbumNotFound
        unpaid = await album_orders.unpaid(session, album.album.id)
        given_up = [each.id for each in unpaid if await orders.close(session, each.id)]
        await albums.forget(session, album.album.id)
    for order_id in given_up:
        waker.wake(order_id)


def _require_room(photos: int, settings: Settings) -> None:
    if photos > settings.max_album_photos:
        raise AlbumFull(f"{photos} photos, and at most {settings.max_album_photos}")


async def _require_owned(session: AsyncSession, job_ids: list[UUID], principal: Principal) -> None:
    """Refuse jobs that are not the principal's: nobody learns whether they exist."""
    found = await albums.owned(session, job_ids, issuer=principal.issuer, subject=principal.subject)
    if len(found) != len(job_ids):
        raise JobNotFound


async def _document(
    album_id: UUID, principal: Principal, ports: ApiPorts, settings: Settings
) -> AlbumDocument:
    """The document of the caller's album as it is now. Raises `AlbumNotFound`."""
    async with ports.database.transaction() as session:
        view = await owned_album(session, album_id, principal)
        found = await offer(session, view.album, settings.currency)
        shown = [each.restoration for each in found.photos if each.restoration is not None]
        waiting = await waiting_among(session, shown)
    # Signing takes half a millisecond an address: not on the loop.
    return await asyncio.to_thread(partial(album_document, view, found, ports.objects, waiting))

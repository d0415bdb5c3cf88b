"""An album as clients see it, a page of them, and what became of wishes for all of its photos."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.jobs import PageLinks
from api.documents.orders import OrderDocument
from api.documents.restores import RestoreDocument, restore_document
from api.selling import AlbumOffer, PhotoToSell
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.errors import RekindleError
from rekindle.models import Job
from rekindle.ports.objects import ObjectStore
from rekindle.store.albums import AlbumView
from rekindle.store.order_items import Sale

_AMOUNT = "In the currency's smallest unit: cents, pence, or whole yen."


class ItemProblem(BaseModel):
    """Why something is not possible with one photo."""

    code: str = Field(description="Stable name of the reason.", examples=["nothing_selected"])
    message: str = Field(description="One sentence for the person.")
    retryable: bool = Field(description="Whether the same request can succeed later.")


class ItemHd(BaseModel):
    """How the HD picture of a photo stands that is in an order which is not over."""

    state: HdState
    order_id: UUID
    order_status: OrderStatus


class AlbumItemLinks(BaseModel):
    """Where to go from a photo in an album."""

    self: str = Field(description="DELETE there to take it out of the album.")
    job: str
    hd: str | None = Field(description="Opens the HD picture, once it was paid and is ready.")


class AlbumItemDocument(BaseModel):
    """One photo in an album."""

    job_id: UUID
    width: int | None = Field(description="Of the photo, upright, pixels.")
    height: int | None = Field(description="Of the photo, upright, pixels.")
    restoration: RestoreDocument | None = Field(
        description="The selected restoration; while none has succeeded, the latest one."
    )
    hd: ItemHd | None = Field(description="Null until its HD is in an order.")
    problem: ItemProblem | None = Field(
        description="Why its HD cannot be bought now: `nothing_selected` while no restoration has "
        "succeeded, `already_bought` once it was paid. Null when a checkout would include it."
    )
    links: AlbumItemLinks


class OfferDocument(BaseModel):
    """What the HD of an album's photos costs together."""

    photos: int = Field(description="How many a checkout would include.")
    amount: int = Field(description=_AMOUNT)
    single_amount: int = Field(description="What they cost one by one. " + _AMOUNT)
    currency: str = Field(description="ISO 4217, lower case.", examples=["usd"])


class AlbumLinks(BaseModel):
    """Where to go from an album."""

    self: str = Field(description="DELETE there: the album alone; its photos stay.")
    items: str = Field(description="POST the ids of jobs there to put them in.")
    restore: str = Field(description="POST there to restore every photo that has no restoration.")
    checkout: str = Field(description="POST there to buy the HD of all that can be bought.")
    zip: str = Field(description="The HD pictures that were bought, in one file.")


class AlbumFacts(BaseModel):
    """What is told of every album."""

    id: UUID
    title: str
    photos: int = Field(description="How many are in it.")
    created_at: datetime
    updated_at: datetime
    links: AlbumLinks


class BriefAlbum(AlbumFacts):
    """An album in a list."""


class AlbumDocument(AlbumFacts):
    """An album with every photo in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ALBUM]})

    items: list[AlbumItemDocument] = Field(description="In the order in which they were put in.")
    offer: OfferDocument | None = Field(
        description="In the usual currency; null while nothing in it can be bought."
    )


class AlbumPage(BaseModel):
    """Some of the caller's albums, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ALBUM_PAGE]})

    albums: list[BriefAlbum]
    links: PageLinks


class RestoreOutcome(StrEnum):
    """What became of the wish to restore a photo."""

    STARTED = "started"
    HAS_ONE = "has_one"
    REFUSED = "refused"


class ItemRestoration(BaseModel):
    """What became of one photo when all were to be restored."""

    job_id: UUID
    outcome: RestoreOutcome = Field(
        description="`started`; `has_one` already, that succeeded or is under way; or `refused`."
    )
    restoration: RestoreDocument | None = Field(description="The one that was started.")
    problem: ItemProblem | None = Field(description="Why it was refused.")


class AlbumRestorations(BaseModel):
    """What became of each photo when all were to be restored."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ALBUM_RESTORATIONS]})

    items: list[ItemRestoration] = Field(description="In the order of the album.")


class LeftOut(BaseModel):
    """A photo that an order does not include."""

    job_id: UUID
    problem: ItemProblem


class AlbumOrder(BaseModel):
    """An order of the HD of an album's photos."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ALBUM_ORDER]})

    order: OrderDocument
    left_out: list[LeftOut] = Field(description="Photos that it does not include, and why.")


def album_document(
    view: AlbumView,
    offer: AlbumOffer,
    objects: ObjectStore,
    waiting: WaitingById = NOBODY_WAITS,
) -> AlbumDocument:
    """The document of an album, with fresh addresses of previews.

    Args:
        view: the album.
        offer: its photos, and what can be bought of them.
        objects: where the previews are.
        waiting: how restorations that are unfinished wait.
    """
    facts = album_facts(view).model_dump() | {"photos": len(offer.photos)}
    price = offer.price
    return AlbumDocument(
        **facts,
        items=[_item(view.album.id, each, objects, waiting) for each in offer.photos],
        offer=price
        and OfferDocument(
            photos=len(offer.sellable),
            amount=price.amount,
            single_amount=offer.single_amount,
            currency=price.currency,
        ),
    )


def album_page(views: Sequence[AlbumView], links: PageLinks) -> AlbumPage:
    """The document of a page."""
    facts = (album_facts(each).model_dump() for each in views)
    return AlbumPage(albums=[BriefAlbum(**each) for each in facts], links=links)


def album_facts(view: AlbumView) -> AlbumFacts:
    """What is told of every album."""
    album = view.album
    return AlbumFacts(
        id=album.id,
        title=album.title,
        photos=view.photos,
        created_at=album.created_at,
        updated_at=album.updated_at,
        links=AlbumLinks(
            self=paths.album(album.id),
            items=paths.album_items(album.id),
            restore=paths.album_restore(album.id),
            checkout=paths.album_checkout(album.id),
            zip=paths.album_zip(album.id),
        ),
    )


def item_problem(error: RekindleError) -> ItemProblem:
    """Why something is not possible with one photo."""
    return ItemProblem(code=error.code, message=error.public_detail, retryable=error.retryable)


def _item(
    album_id: UUID, photo: PhotoToSell, objects: ObjectStore, waiting: WaitingById
) -> AlbumItemDocument:
    job, restoration, sale = photo.job, photo.restoration, photo.sale
    return AlbumItemDocument(
        job_id=job.id,
        width=job.width,
        height=job.height,
        restoration=restore_document(restoration, objects, waiting) if restoration else None,
        hd=sale and ItemHd(state=sale.hd, order_id=sale.order.id, order_status=sale.status),
        problem=item_problem(photo.refusal) if photo.refusal else None,
        links=AlbumItemLinks(
            self=paths.album_item(album_id, job.id),
            job=paths.job(job.id),
            hd=_hd_link(job, photo, sale),
        ),
    )


def _hd_link(job: Job, photo: PhotoToSell, sale: Sale | None) -> str | None:
    if sale is None or photo.restoration is None or not sale.is_readable:
        return None
    return paths.restore_hd(job.id, photo.restoration.id)

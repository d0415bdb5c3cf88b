"""What is done with all photos of an album at once: restored, bought, downloaded."""

from typing import Any

import structlog
from fastapi import Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from api import paths
from api.album_ordering import ALBUM_ORDERING_ERRORS, AlbumOrdering
from api.album_restoring import AlbumRestoring, Restored
from api.dependencies import AppSettings, AskedPods, Ports, Waker, Zipping
from api.documents.albums import (
    AlbumOrder,
    AlbumRestorations,
    ItemRestoration,
    LeftOut,
    RestoreOutcome,
    item_problem,
)
from api.documents.hd import Delivery, file_name
from api.documents.orders import order_document
from api.documents.restores import restore_document
from api.idempotency import CurrentClaim
from api.idempotency.once import keep_no_reply
from api.identity import CurrentPrincipal, guarded_router
from api.ownership import OwnedAlbum, owned_order
from api.problems import command_problems, guarded_problems, problem_response
from api.routes.restores import RestoreRequest
from api.starting import STARTING_ERRORS, AttemptStarting
from api.waiting import waiting_among
from api.zips import MEDIA_TYPE, ZipFile
from rekindle.errors import (
    AlbumNotFound,
    DatabaseUnavailable,
    HdNotReady,
    OrderNotFound,
    PaymentRequired,
    StorageUnavailable,
)
from rekindle.ports.objects import ObjectStore
from rekindle.store import album_orders, albums, standings
from rekindle.store.album_orders import AlbumHd

router = guarded_router("albums")

_LOG = structlog.get_logger(__name__)
_AS_USUAL = RestoreRequest()
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The archive. It is whole when its last byte has arrived: a connection "
        "that ends early leaves a file that no program opens as an archive.",
        "content": {
            MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}, "example": "PK…"}
        },
    }
}


class AlbumCheckoutRequest(BaseModel):
    """How to pay. What is bought, and for how much, is ours to say."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"currency": "eur"}]})

    currency: str | None = Field(
        None,
        max_length=10,
        description="`usd`, `eur`, `gbp` or `jpy`. Left out, an order that is there keeps its own.",
    )


_ANY_CURRENCY = AlbumCheckoutRequest()


@router.post(
    paths.ALBUM_RESTORE,
    status_code=status.HTTP_202_ACCEPTED,
    responses=command_problems(AlbumNotFound, *STARTING_ERRORS),
)
async def restore_album(
    album: OwnedAlbum,
    request: Request,
    claim: CurrentClaim,
    ports: Ports,
    starting: AttemptStarting,
    wish: RestoreRequest = _AS_USUAL,
) -> AlbumRestorations:
    """Start a restoration of every photo that has none, all with the same parameters.

    The answer tells of each photo what became of it: what is refused of one stops no other. A
    restoration that failed does not count as one.
    """
    await starting.require_restoration(wish.graph, wish.parameters)
    async with ports.database.transaction() as session:
        photos = await albums.photos(session, album.album.id)
        open_attempts = await standings.open_attempts(session, album.album.user_id)
    restoring = AlbumRestoring(starting, claim)
    found = await restoring.restore(
        photos, wish.graph, wish.parameters, open_attempts=open_attempts
    )
    if any(each.refusal is not None and each.refusal.retryable for each in found):
        keep_no_reply(request)  # the same request may do better
    return AlbumRestorations(items=[_item(each, ports.objects) for each in found])


@router.post(
    paths.ALBUM_CHECKOUT,
    status_code=status.HTTP_201_CREATED,
    responses={
        200: {"model": AlbumOrder, "description": "There was such an order already"},
        **command_problems(OrderNotFound, *ALBUM_ORDERING_ERRORS),
    },
)
async def check_out_album(
    album: OwnedAlbum,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    waker: Waker,
    pod_graphs: AskedPods,
    response: Response,
    wish: AlbumCheckoutRequest = _ANY_CURRENCY,
) -> AlbumOrder:
    """Buy the HD of all photos of an album that can be bought: one order, one page, one price.

    That is the selected restoration of each photo. What was paid for before is not charged again,
    and is left out, as is what has no restoration yet. Unpaid orders of the same photos are
    replaced. Should the HD of a photo turn out to be impossible, its share goes back by itself.
    """
    ordering = AlbumOrdering(ports, settings, waker, pod_graphs)
    ordered = await ordering.order(album.album, wish.currency, claim)
    async with ports.database.transaction() as session:
        view = await owned_order(session, ordered.order_id, principal)
        waiting = await waiting_among(session, view.hds)
    delivery = Delivery(ports.objects, settings.hd_url_seconds)
    document = order_document(view, delivery, waiting, ordered.checkout)
    response.status_code = 201 if ordered.is_new else 200
    response.headers["Location"] = document.links.self
    left_out = [
        LeftOut(job_id=each.job.id, problem=item_problem(each.refusal))
        for each in ordered.left_out
        if each.refusal is not None
    ]
    return AlbumOrder(order=document, left_out=left_out)


@router.get(
    paths.ALBUM_ZIP,
    responses={
        **_ZIP,
        **guarded_problems(
            AlbumNotFound, PaymentRequired, HdNotReady, DatabaseUnavailable, StorageUnavailable
        ),
    },
    response_class=StreamingResponse,
)
async def get_album_zip(
    album: OwnedAlbum, request: Request, ports: Ports, zipping: Zipping
) -> Response:
    """Every HD picture of the album's photos that was paid for, in one archive.

    While one of them is still being made it is a 409: an archive is never sent without what was
    paid for. Without any it is a 402, whose `links.checkout` is where they are bought.
    """
    album_id = album.album.id
    async with ports.database.transaction() as session:
        found = await album_orders.hds(session, album_id)
    if any(each.object_key is None for each in found):
        raise HdNotReady
    if not found:
        links = {"checkout": paths.album_checkout(album_id)}
        return problem_response(PaymentRequired(), request.scope, links=links)
    members = await zipping.members([_file(nth, each) for nth, each in enumerate(found, start=1)])
    name = f"rekindle-{album_id.hex[:8]}.zip"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(zipping.pieces(members), media_type=MEDIA_TYPE, headers=headers)


def _file(nth: int, hd: AlbumHd) -> ZipFile:
    """A file of the archive: numbered, so that it sorts as the album, and no two are the same."""
    key = hd.object_key or ""
    return ZipFile(f"{nth:03}-{file_name(key, hd.attempt_id)}", key, hd.made_at)


def _item(found: Restored, objects: ObjectStore) -> ItemRestoration:
    started, refusal = found.started, found.refusal
    if started is not None:
        shown = restore_document(started.attempt, objects, started.waiting)
        return ItemRestoration(
            job_id=found.job_id, outcome=RestoreOutcome.STARTED, restoration=shown, problem=None
        )
    outcome = RestoreOutcome.REFUSED if refusal else RestoreOutcome.HAS_ONE
    if refusal is not None:
        _LOG.info("album_photo_refused", job=str(found.job_id), code=refusal.code, why=str(refusal))
    return ItemRestoration(
        job_id=found.job_id,
        outcome=outcome,
        restoration=None,
        problem=item_problem(refusal) if refusal else None,
    )

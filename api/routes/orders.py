"""Orders: the HD result of an attempt is bought, looked at, given up."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response, status
from pydantic import BaseModel, ConfigDict, Field

from api import cursors, paths
from api.dependencies import AppSettings, AskedPods, Ports, Waker
from api.documents import examples
from api.documents.hd import Delivery
from api.documents.jobs import PageLinks
from api.documents.order_pages import OrderPage, order_page
from api.documents.orders import OrderDocument, order_document, order_status
from api.idempotency import CurrentClaim
from api.identity import CurrentPrincipal, guarded_router
from api.ordering import ORDERING_ERRORS, Ordering, Wish
from api.ownership import OwnedJob, owned_order
from api.problems import command_problems, guarded_problems
from api.waiting import waiting_among
from rekindle.contracts.orders import Checkout, OrderStatus
from rekindle.errors import (
    DatabaseUnavailable,
    JobNotFound,
    OrderNotCancelable,
    OrderNotFound,
    WorkflowsUnavailable,
)
from rekindle.ports.identity import Principal
from rekindle.settings import Settings
from rekindle.store import order_views, orders
from rekindle.wiring.api import ApiPorts

router = guarded_router("orders")


class CheckoutRequest(BaseModel):
    """What to buy. The price is ours: there is no field for it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.CHECKOUT]})

    attempt_id: UUID = Field(description="An attempt that succeeded.")
    product: str | None = Field(
        None,
        max_length=100,
        description="`hd_image` of a restoration, `hd_animation` of an animation; may be left out.",
    )
    currency: str | None = Field(
        None,
        max_length=10,
        description="`usd`, `eur`, `gbp` or `jpy`. Left out, an order that is there keeps its own.",
    )


@router.post(
    paths.CHECKOUT,
    status_code=status.HTTP_201_CREATED,
    responses={
        200: {"model": OrderDocument, "description": "There was such an order already"},
        **command_problems(JobNotFound, *ORDERING_ERRORS),
    },
)
async def check_out(
    job: OwnedJob,
    wish: CheckoutRequest,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    waker: Waker,
    pod_graphs: AskedPods,
    response: Response,
) -> OrderDocument:
    """Buy the HD result of an attempt: answers the page where it is paid.

    There is one order at a time of an attempt: whoever asks again is given the same page, for as
    long as it is open, and afterwards a new order. An order that was paid has no page any more.
    An order that nobody has paid is replaced when another currency is named.
    """
    ordering = Ordering(ports, settings, waker, pod_graphs)
    ordered = await ordering.order(job, Wish(wish.attempt_id, wish.product, wish.currency), claim)
    document = await _document(ordered.order_id, principal, ports, settings, ordered.checkout)
    response.status_code = 201 if ordered.is_new else 200
    response.headers["Location"] = document.links.self
    return document


@router.get(paths.ORDER, responses=guarded_problems(OrderNotFound, DatabaseUnavailable))
async def get_order(
    order_id: UUID, principal: CurrentPrincipal, ports: Ports, settings: AppSettings
) -> OrderDocument:
    """An order: whether it was paid, and how far its HD result is, with a fresh address of it."""
    return await _document(order_id, principal, ports, settings)


@router.get(paths.ORDERS, responses=guarded_problems(DatabaseUnavailable))
async def list_orders(
    principal: CurrentPrincipal,
    ports: Ports,
    settings: AppSettings,
    limit: Annotated[int, Query(ge=1, le=100, description="Most orders on a page.")] = 20,
    cursor: Annotated[
        str | None,
        Query(max_length=cursors.LONGEST_CURSOR, description="From the link to the next page."),
    ] = None,
) -> OrderPage:
    """The caller's own orders, newest first. Those of a job that was deleted are not shown."""
    after = None if cursor is None else cursors.from_word(cursor)
    async with ports.database.transaction() as session:
        # One more than is shown: whether there is a next page.
        views = await order_views.page(
            session,
            issuer=principal.issuer,
            subject=principal.subject,
            limit=limit + 1,
            after=after,
        )
        shown = views[:limit]
        waiting = await waiting_among(session, [hd for view in shown for hd in view.hds])
    following = None
    if len(views) > limit:
        following = cursors.to_word(cursors.place_of(shown[-1].order))
    links = PageLinks(
        self=paths.orders_page(limit=limit, cursor=cursor),
        next=paths.orders_page(limit=limit, cursor=following) if following else None,
    )
    return await asyncio.to_thread(order_page, shown, links, _delivery(ports, settings), waiting)


@router.post(
    paths.CANCEL_ORDER,
    responses=command_problems(
        OrderNotFound, OrderNotCancelable, DatabaseUnavailable, WorkflowsUnavailable
    ),
)
async def cancel_order(
    order_id: UUID, principal: CurrentPrincipal, ports: Ports, settings: AppSettings
) -> OrderDocument:
    """Give up an order that nobody has paid. Its page is closed; what is paid on it goes back."""
    async with ports.database.transaction() as session:
        await owned_order(session, order_id, principal)
        await orders.close(session, order_id)
        session.expunge_all()
        view = await owned_order(session, order_id, principal)
    if order_status(view.order) is not OrderStatus.EXPIRED:
        raise OrderNotCancelable
    if OrderStatus(view.order.status).is_unpaid:
        await ports.orders.wake(order_id)  # so that the page closes at once
    return order_document(view, _delivery(ports, settings))


async def _document(
    order_id: UUID,
    principal: Principal,
    ports: ApiPorts,
    settings: Settings,
    checkout: Checkout | None = None,
) -> OrderDocument:
    """The document of the caller's order as it is now. Raises `OrderNotFound`."""
    async with ports.database.transaction() as session:
        view = await owned_order(session, order_id, principal)
        waiting = await waiting_among(session, view.hds)
    return order_document(view, _delivery(ports, settings), waiting, checkout)


def _delivery(ports: ApiPorts, settings: Settings) -> Delivery:
    return Delivery(ports.objects, settings.hd_url_seconds)

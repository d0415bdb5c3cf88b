"""From an album to one order over its photos: judged, priced, written, opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.graphs import require_offered
from api.idempotency import Claim
from api.offering import PodGraphs
from api.quotas import Quotas
from api.selling import AlbumOffer, PhotoToSell, offer
from api.waking import OrderWaker
from comfy_graphs import load_pack
from rekindle.contracts.orders import Checkout, OrderStatus, Product
from rekindle.errors import (
    AlbumNotFound,
    DatabaseUnavailable,
    GraphUnavailable,
    NothingToSell,
    PaymentsDisabled,
    PaymentsRefused,
    PaymentsUnavailable,
    TooManyOpenOrders,
    UnknownCurrency,
    WorkflowsUnavailable,
)
from rekindle.models import Album, Order, OrderItem
from rekindle.rules.prices import album_price, shares
from rekindle.settings import Settings
from rekindle.store import album_orders, order_items, orders, standings
from rekindle.wiring.api import ApiPorts

ALBUM_ORDERING_ERRORS = (
    AlbumNotFound,
    NothingToSell,
    UnknownCurrency,
    TooManyOpenOrders,
    GraphUnavailable,
    PaymentsDisabled,
    PaymentsUnavailable,
    PaymentsRefused,
    DatabaseUnavailable,
    WorkflowsUnavailable,
)
"""What `AlbumOrdering` raises."""

_ROUNDS = 3


@dataclass(frozen=True)
class AlbumOrdered:
    """An order that can be paid, or was.

    Attributes:
        left_out: photos of the album that it does not include.
        checkout: where it is paid, if there is anything to be paid.
        is_new: whether it was made for this very request.
    """

    order_id: UUID
    left_out: Sequence[PhotoToSell]
    checkout: Checkout
    is_new: bool


@dataclass(frozen=True)
class _Placed:
    """An order that is written.

    Attributes:
        given_up: unpaid orders that it takes the place of.
    """

    order: Order
    left_out: Sequence[PhotoToSell]
    given_up: Sequence[UUID] = ()


class _Changed(Exception):
    """An order was paid while this one was to take its place."""


class AlbumOrdering:
    """Makes orders of albums. No restoration is in two orders that are not over."""

    def __init__(
        self, ports: ApiPorts, settings: Settings, waker: OrderWaker, pod_graphs: PodGraphs
    ) -> None:
        """Work through these ports.

        Args:
            pod_graphs: what HD can be made with.
        """
        self._ports = ports
        self._settings = settings
        self._waker = waker
        self._pod_graphs = pod_graphs
        self._quotas = Quotas(settings)

    async def order(self, album: Album, currency: str | None, claim: Claim) -> AlbumOrdered:
        """Make an order of all that can be bought, or find the one there is; open its page.

        Unpaid orders of the same photos, alone or of another selection, are given up: their pages
        are closed, and what is paid on them meanwhile goes back.

        Args:
            currency: None takes that of the order there is, else the usual one.
            claim: names a new order.

        Raises:
            AlbumNotFound: it was deleted meanwhile.
            NothingToSell: of no photo anything can be bought; the album's document says why.
            UnknownCurrency: there is no price in that currency.
            GraphUnavailable: no pod can make HD at present.
            TooManyOpenOrders: as many as one user may have are unpaid.
            PaymentsDisabled: nothing is sold here.
            PaymentsUnavailable: the order is written; the same request opens its page later.
            PaymentsRefused: the provider refused our key or request.
        """
        if self._ports.payments is None:
            raise PaymentsDisabled
        order_id = claim.new_id("order")
        for _ in range(_ROUNDS):
            placed = await self._placed(album, order_id, currency, claim)
            for each in placed.given_up:
                self._waker.wake(each)
            checkout = await self._checkout(placed.order)
            # The page of an older order may have ended unpaid: then it is over, and another comes.
            if placed.order.id == order_id or checkout.status is not OrderStatus.EXPIRED:
                break
        is_new = placed.order.id == order_id
        return AlbumOrdered(placed.order.id, placed.left_out, checkout, is_new)

    async def _placed(
        self, album: Album, order_id: UUID, currency: str | None, claim: Claim
    ) -> _Placed:
        while True:
            try:
                async with self._ports.database.transaction() as session:
                    return await self._place(session, album, order_id, currency, claim)
            except _Changed:
                continue  # what was paid is bought, and the rest is judged anew

    async def _place(
        self,
        session: AsyncSession,
        album: Album,
        order_id: UUID,
        currency: str | None,
        claim: Claim,
    ) -> _Placed:
        if not await album_orders.take_turns(session, album.id):
            raise AlbumNotFound
        found = await offer(session, album, currency or self._settings.currency)
        left_out = [each for each in found.photos if each.refusal is not None]
        if claim.is_repeated and (own := await orders.by_id(session, order_id)) is not None:
            return _Placed(own, left_out)
        if not found.sellable:
            raise NothingToSell
        unpaid = await album_orders.unpaid(session, album.id)
        for order in unpaid:
            if await self._is_wanted(session, order, found, currency):
                return _Placed(order, left_out)
        if not unpaid and not claim.is_repeated:
            self._quotas.require_orders(await standings.unpaid_orders(session, album.user_id))
        require_offered(load_pack(self._settings.hd_image_graph), await self._pod_graphs.known())
        replaced = {each.id for each in unpaid} | {s.order.id for s in found.unpaid_sales()}
        for each in sorted(replaced):
            if not await orders.close(session, each):
                raise _Changed
        new = await self._write(session, album, order_id, found)
        return _Placed(new, left_out, sorted(replaced))

    async def _is_wanted(
        self, session: AsyncSession, order: Order, found: AlbumOffer, currency: str | None
    ) -> bool:
        """Whether an unpaid order is what would be made now."""
        if currency is not None and currency.lower() != order.currency:
            return False
        items = await order_items.of_order(session, order)
        return {each.attempt_id for each in items} == {each.id for _, each in found.sellable}

    async def _write(
        self, session: AsyncSession, album: Album, order_id: UUID, found: AlbumOffer
    ) -> Order:
        sold = found.sellable
        price = album_price(len(sold), found.currency)
        order = Order(
            id=order_id,
            album_id=album.id,
            product=Product.ALBUM,
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=datetime.now(UTC) + timedelta(seconds=self._settings.offer_seconds),
        )
        items = [
            OrderItem(
                order_id=order_id, number=number, job_id=job.id, attempt_id=attempt.id, share=share
            )
            for number, ((job, attempt), share) in enumerate(
                zip(sold, shares(price.amount, len(sold)), strict=True), start=1
            )
        ]
        await album_orders.write(session, order, items)
        return order

    async def _checkout(self, order: Order) -> Checkout:
        if order.closed_at is None and OrderStatus(order.status).is_unpaid:
            return await self._ports.orders.checkout(order.id)
        return Checkout(status=OrderStatus(order.status))

"""From a wish to buy to an order that can be paid: checked, priced, written, opened."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.graphs import require_offered
from api.idempotency import Claim
from api.offering import PodGraphs
from api.quotas import Quotas
from api.waking import OrderWaker
from comfy_graphs import load_pack
from rekindle.contracts.orders import Checkout, OrderStatus, Product
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.errors import (
    AlreadyBought,
    AttemptNotFound,
    AttemptNotSelectable,
    DatabaseUnavailable,
    GraphUnavailable,
    PaymentsDisabled,
    PaymentsRefused,
    PaymentsUnavailable,
    ProductNotOfAttempt,
    TooManyOpenOrders,
    UnknownCurrency,
    UnknownProduct,
    WorkflowsUnavailable,
)
from rekindle.models import Attempt, Job, Order
from rekindle.rules.prices import price_of
from rekindle.settings import Settings
from rekindle.store import album_orders, order_items, orders, standings
from rekindle.store.standings import AttemptToSell
from rekindle.wiring.api import ApiPorts

ORDERING_ERRORS = (
    AttemptNotFound,
    UnknownProduct,
    UnknownCurrency,
    ProductNotOfAttempt,
    AttemptNotSelectable,
    AlreadyBought,
    TooManyOpenOrders,
    GraphUnavailable,
    PaymentsDisabled,
    PaymentsUnavailable,
    PaymentsRefused,
    DatabaseUnavailable,
    WorkflowsUnavailable,
)
"""What `Ordering` raises."""

_PRODUCTS = {
    AttemptKind.RESTORE: Product.HD_IMAGE,
    AttemptKind.ANIMATION: Product.HD_ANIMATION,
}
_ROUNDS = 3


@dataclass(frozen=True)
class Wish:
    """What is to be bought.

    Attributes:
        product: None takes the one that there is of such an attempt.
        currency: None takes that of the order there is, else the usual one.
    """

    attempt_id: UUID
    product: str | None
    currency: str | None


@dataclass(frozen=True)
class Ordered:
    """An order that can be paid, or was.

    Attributes:
        checkout: where it is paid, if there is anything to be paid.
        is_new: whether it was made for this very request.
    """

    order_id: UUID
    checkout: Checkout
    is_new: bool


class Ordering:
    """Makes orders of attempts. There is one at a time of each attempt and product."""

    def __init__(
        self, ports: ApiPorts, settings: Settings, waker: OrderWaker, pod_graphs: PodGraphs
    ) -> None:
        """Work through these ports.

        Args:
            pod_graphs: what HD can be made with.
        """
        self._ports = ports
        self._pod_graphs = pod_graphs
        self._settings = settings
        self._waker = waker
        self._quotas = Quotas(settings)

    async def order(self, job: Job, wish: Wish, claim: Claim) -> Ordered:
        """Make an order, or find the one there is, and open the page where it is paid.

        Who names another currency than that of an order that nobody has paid gets a new order:
        the old one is given up, its page is closed, and what is paid on it meanwhile goes back.
        So does who has an unpaid order of an album with it.

        Args:
            job: of the attempt.
            wish: what is to be bought.
            claim: names a new order.

        Raises:
            AttemptNotFound: the job has no such attempt.
            UnknownProduct: nothing of that name is sold.
            UnknownCurrency: it has no price in that currency.
            ProductNotOfAttempt: that is not made of such an attempt.
            AttemptNotSelectable: the attempt has not succeeded.
            AlreadyBought: it was paid for with an album.
            GraphUnavailable: no pod can make it at present.
            TooManyOpenOrders: as many as one user may have are unpaid, and none is of this attempt.
            PaymentsDisabled: nothing is sold here.
            PaymentsUnavailable: the order is written; the same request opens its page later.
            PaymentsRefused: the provider refused our key or request.
        """
        if self._ports.payments is None:
            raise PaymentsDisabled
        wanted = await self._wanted(job, wish.attempt_id)
        new = self._priced(wanted.attempt, wish, claim)
        if not claim.is_repeated:
            self._quotas.require_order(wanted)
            if not wanted.has_open_order:
                await self._require_makeable(Product(new.product))
        for _ in range(_ROUNDS):
            order = await self._open_or_reuse(new, wish.currency, claim)
            checkout = await self._checkout(order)
            # The page of an older order may have ended unpaid: then it is over, and this one comes.
            if order.id == new.id or checkout.status is not OrderStatus.EXPIRED:
                break
        return Ordered(order.id, checkout, is_new=order.id == new.id)

    async def _wanted(self, job: Job, attempt_id: UUID) -> AttemptToSell:
        async with self._ports.database.transaction() as session:
            wanted = await standings.attempt_to_sell(session, job, attempt_id)
        if wanted is None:
            raise AttemptNotFound
        return wanted

    async def _require_makeable(self, product: Product) -> None:
        """Sell nothing that no pod can make."""
        settings = self._settings
        is_clip = product is Product.HD_ANIMATION
        name = settings.hd_video_graph if is_clip else settings.hd_image_graph
        require_offered(load_pack(name), await self._pod_graphs.known())

    def _priced(self, attempt: Attempt, wish: Wish, claim: Claim) -> Order:
        """The order as it is written if there is none."""
        product = _PRODUCTS.get(AttemptKind(attempt.kind))
        named = product or Product.HD_IMAGE if wish.product is None else wish.product
        currency = self._settings.currency if wish.currency is None else wish.currency
        price = price_of(named, currency)
        if named != product:
            raise ProductNotOfAttempt
        if attempt.status != AttemptStatus.SUCCEEDED:
            raise AttemptNotSelectable
        return Order(
            id=claim.new_id("order"),
            job_id=attempt.job_id,
            attempt_id=attempt.id,
            product=product,
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=datetime.now(UTC) + timedelta(seconds=self._settings.offer_seconds),
        )

    async def _open_or_reuse(self, new: Order, currency: str | None, claim: Claim) -> Order:
        while True:
            async with self._ports.database.transaction() as session:
                albums_order = await self._leave_album(session, new, claim)
                order = await orders.open_or_reuse(session, new)
                is_wanted = order.id == new.id or currency is None
                is_kept = is_wanted or order.currency == new.currency or not _is_open(order)
                is_given_up = not is_kept and await orders.close(session, order.id)
            if albums_order is not None:
                self._waker.wake(albums_order)
            if is_kept:
                return order
            # Else it was paid, or closed, at this very moment: the next look tells.
            if is_given_up:
                self._waker.wake(order.id)

    async def _leave_album(self, session: AsyncSession, new: Order, claim: Claim) -> UUID | None:
        """Give up the unpaid order of an album that sells the same; the id of that order.

        Raises:
            AlreadyBought: that order was paid.
        """
        if new.product != Product.HD_IMAGE or new.job_id is None or new.attempt_id is None:
            return None
        await album_orders.take_turn(session, new.job_id)
        sales = await order_items.sales(session, [new.attempt_id], Product.HD_IMAGE)
        sale = sales.get(new.attempt_id)
        if sale is None or sale.item is None:
            return None
        if claim.is_repeated and await orders.by_id(session, new.id) is not None:
            return None  # made by an earlier try, and given up for that album since
        if not (sale.status.is_unpaid and await orders.close(session, sale.order.id)):
            raise AlreadyBought
        return sale.order.id

    async def _checkout(self, order: Order) -> Checkout:
        if _is_open(order):
            return await self._ports.orders.checkout(order.id)
        return Checkout(status=OrderStatus(order.status))


def _is_open(order: Order) -> bool:
    return order.closed_at is None and OrderStatus(order.status).is_unpaid

"""One order as clients see it, in full and in brief."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.attempts import ETA_SECONDS, QUEUE_POSITION, attempt_stage
from api.documents.hd import Delivery, attempt_paths
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.orders import Checkout, HdState, OrderStatus, Product, RefundReason
from rekindle.contracts.statuses import Stage
from rekindle.errors import error_for
from rekindle.models import Attempt, Order, OrderItem, OrderRefund
from rekindle.store.order_views import AttemptOrder, ItemView, OrderView

_AMOUNT = "In the currency's smallest unit: cents, pence, or whole yen."
_HD_FAILED = "The HD result could not be made. What was paid for it goes back by itself."
_HD = "What became of the HD result. Only an order that was paid has one."


class RefundStatus(StrEnum):
    """Where a refund stands, as far as we know."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    VOID = "void"


class RefundDocument(BaseModel):
    """Money that goes back."""

    amount: int = Field(description=_AMOUNT)
    status: RefundStatus = Field(
        description="`requested` of the payment service; `accepted` by it, so that it arrives "
        "within days; `void`: not needed, since the money went back in another way."
    )
    reason: RefundReason
    created_at: datetime


class HdError(BaseModel):
    """Why the HD result could not be made; what was paid for it goes back."""

    code: str = Field(description="Stable name of the error.", examples=["deadline_exceeded"])
    message: str = Field(description="One sentence for the person.")


class OrderHd(BaseModel):
    """How far an order's HD result is."""

    state: HdState = Field(description=_HD)
    progress: float = Field(ge=0, le=1, description="0 to 1; never goes back.")
    stage: Stage | None = Field(description="What it waits for or does, while it is made.")
    queue_position: int | None = Field(ge=1, description=QUEUE_POSITION)
    eta_seconds: int | None = Field(ge=0, description=ETA_SECONDS)
    error: HdError | None = Field(description="Why it failed, if it did.")


class OrderItemLinks(BaseModel):
    """Where to go from a photo of an order."""

    job: str | None
    attempt: str | None = Field(description="What was bought the HD of.")
    hd: str | None = Field(description="Opens the HD file; once it was paid and is ready.")


class OrderItemDocument(BaseModel):
    """One photo of an order over several."""

    job_id: UUID | None = Field(description="Null once the photo was deleted.")
    attempt_id: UUID
    amount: int = Field(
        description="Its share of the price, which goes back if its HD cannot be made. " + _AMOUNT
    )
    hd: OrderHd
    hd_url: str | None = Field(description="As that of an order of one photo.")
    links: OrderItemLinks


class OrderLinks(BaseModel):
    """Where to go from an order."""

    self: str
    job: str | None
    attempt: str | None = Field(description="What was bought the HD of.")
    events: str | None = Field(description="Server-sent events of its job.")
    album: str | None = Field(description="Of an order over several photos.")
    cancel: str | None = Field(description="POST there; while nobody has paid.")
    checkout: str | None = Field(
        description="POST the attempt's id there, or nothing for an album: for the page where it "
        "is paid, or for a new order when this one is over."
    )
    hd: str | None = Field(description="Opens the HD file; once it was paid and is ready.")


class OrderDocument(BaseModel):
    """The HD result of one attempt, bought or about to be; or of several photos at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ORDER]})

    id: UUID
    job_id: UUID | None = Field(description="Null of an order over several photos.")
    attempt_id: UUID | None = Field(description="Null of an order over several photos.")
    album_id: UUID | None = Field(description="Of an order over several photos; null otherwise.")
    product: Product
    amount: int = Field(description=_AMOUNT)
    currency: str = Field(description="ISO 4217, lower case.", examples=["usd"])
    status: OrderStatus
    checkout_url: str | None = Field(
        description="The page where it is paid; only in the answer to a checkout."
    )
    hd: OrderHd
    hd_url: str | None = Field(
        description="Downloads the HD file, for a few minutes; null without the right to it."
    )
    items: list[OrderItemDocument] = Field(
        description="The photos of an order over several; `hd` then tells of all together."
    )
    refunds: list[RefundDocument] = Field(description="Oldest first.")
    created_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None
    expires_at: datetime | None = Field(
        description="When the page, or the offer, ends; null unless there is something to pay."
    )
    links: OrderLinks


class BriefOrderLinks(BaseModel):
    """Where to go from an order in brief."""

    self: str


class BriefOrder(BaseModel):
    """An order, in the document of a job that it is of, alone or with others."""

    id: UUID
    attempt_id: UUID = Field(description="The job's attempt whose HD it is about.")
    product: Product = Field(description="`album` of an order over several photos.")
    status: OrderStatus
    hd: HdState = Field(description="Of this attempt. " + _HD)
    links: BriefOrderLinks


def order_document(
    view: OrderView,
    delivery: Delivery,
    waiting: WaitingById = NOBODY_WAITS,
    checkout: Checkout | None = None,
) -> OrderDocument:
    """The document of an order, with a fresh address of its HD file.

    Args:
        view: the order and what stands beside it.
        delivery: of HD files.
        waiting: how its HD attempt waits, if it does.
        checkout: where it is paid, if that was asked for.
    """
    order = view.order
    status = order_status(order)
    return OrderDocument(
        id=order.id,
        job_id=view.job_id,
        attempt_id=order.attempt_id,
        album_id=order.album_id,
        product=Product(order.product),
        amount=order.amount,
        currency=order.currency,
        status=status,
        checkout_url=checkout.url if checkout else None,
        hd=_together(view) if view.items else _progress(order, view.hd, waiting),
        hd_url=_hd_url(view.object_key, order.attempt_id, delivery),
        items=[_item(each, delivery, waiting) for each in view.items],
        refunds=[_refund(each) for each in view.refunds],
        created_at=order.created_at,
        paid_at=order.paid_at,
        delivered_at=order.delivered_at,
        expires_at=order.expires_at if status.is_unpaid else None,
        links=_links(view, status),
    )


def brief_order(found: AttemptOrder) -> BriefOrder:
    """An order in brief, as one of its attempts sees it."""
    order = found.order
    if found.attempt_id is None:
        raise ValueError(f"the order {order.id} is of no single attempt")
    return BriefOrder(
        id=order.id,
        attempt_id=found.attempt_id,
        product=Product(order.product),
        status=order_status(order),
        hd=found.hd,
        links=BriefOrderLinks(self=paths.order(order.id)),
    )


def order_status(order: Order) -> OrderStatus:
    """Where an order stands. One that was given up is over, although nobody has looked since."""
    status = OrderStatus(order.status)
    if order.closed_at is not None and status.is_unpaid:
        return OrderStatus.EXPIRED
    return status


def _hd_url(object_key: str | None, attempt_id: UUID | None, delivery: Delivery) -> str | None:
    if object_key is None or attempt_id is None:
        return None
    return delivery.url(object_key, attempt_id)


def _together(view: OrderView) -> OrderHd:
    """How far several photos are: the mean of them."""
    state = HdState(view.order.hd)
    return OrderHd(
        state=state,
        progress=sum(map(_done, view.items)) / len(view.items),
        stage=None,
        queue_position=None,
        eta_seconds=None,
        error=_error(view.items[0].item) if state is HdState.FAILED else None,
    )


def _done(view: ItemView) -> float:
    if view.item.hd in (HdState.READY, HdState.FAILED):
        return 1.0
    return view.hd.progress if view.hd else 0.0


def _item(view: ItemView, delivery: Delivery, waiting: WaitingById) -> OrderItemDocument:
    item, key = view.item, view.object_key
    job_id = item.job_id if view.has_job else None
    attempt, hd = (
        attempt_paths(job_id, item.attempt_id, Product(item.product)) if job_id else (None, None)
    )
    return OrderItemDocument(
        job_id=job_id,
        attempt_id=item.attempt_id,
        amount=item.share,
        hd=_progress(item, view.hd, waiting),
        hd_url=_hd_url(key, item.attempt_id, delivery),
        links=OrderItemLinks(
            job=paths.job(job_id) if job_id else None,
            attempt=attempt,
            hd=hd if key is not None else None,
        ),
    )


def _progress(sold: Order | OrderItem, attempt: Attempt | None, waiting: WaitingById) -> OrderHd:
    state, wait = HdState(sold.hd), waiting.get(attempt.id) if attempt else None
    if attempt is not None and state is HdState.WAITING:
        state = HdState.RENDERING  # nobody has looked since it was begun
    return OrderHd(
        state=state,
        progress=attempt.progress if attempt else 0.0,
        stage=attempt_stage(attempt, waiting) if attempt else None,
        queue_position=wait.queue_position if wait else None,
        eta_seconds=wait.eta_seconds if wait else None,
        error=_error(sold) if state is HdState.FAILED else None,
    )


def _error(sold: Order | OrderItem) -> HdError:
    error = error_for(sold.error_code or "")
    return HdError(code=error.code, message=_HD_FAILED)


def _refund(row: OrderRefund) -> RefundDocument:
    status = RefundStatus.REQUESTED
    if row.void_at is not None:
        status = RefundStatus.VOID
    elif row.answered_at is not None:
        status = RefundStatus.ACCEPTED
    return RefundDocument(
        amount=row.amount,
        status=status,
        reason=RefundReason(row.reason),
        created_at=row.created_at,
    )


def _links(view: OrderView, status: OrderStatus) -> OrderLinks:
    order, job_id = view.order, view.job_id
    can_order = status.is_unpaid or order.closed_at is not None
    cancel = paths.cancel_order(order.id) if status.is_unpaid else None
    if job_id is None or order.attempt_id is None:
        album_id = order.album_id
        return OrderLinks(
            self=paths.order(order.id),
            job=None,
            attempt=None,
            events=None,
            album=paths.album(album_id) if album_id else None,
            cancel=cancel,
            checkout=paths.album_checkout(album_id) if album_id and can_order else None,
            hd=None,
        )
    attempt, hd = attempt_paths(job_id, order.attempt_id, Product(order.product))
    return OrderLinks(
        self=paths.order(order.id),
        job=paths.job(job_id),
        attempt=attempt,
        events=paths.events(job_id),
        album=None,
        cancel=cancel,
        checkout=paths.checkout(job_id) if can_order else None,
        hd=hd if view.object_key is not None else None,
    )

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
from rekindle.models import Attempt, Order, OrderRefund
from rekindle.store.order_views import OrderView

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


class OrderLinks(BaseModel):
    """Where to go from an order."""

    self: str
    job: str
    attempt: str = Field(description="What was bought the HD of.")
    events: str = Field(description="Server-sent events of its job.")
    cancel: str | None = Field(description="POST there; while nobody has paid.")
    checkout: str | None = Field(
        description="POST the attempt's id there: for the page where it is paid, or for a new "
        "order when this one is over."
    )
    hd: str | None = Field(description="Opens the HD file; once it was paid and is ready.")


class OrderDocument(BaseModel):
    """The HD result of one attempt, bought or about to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ORDER]})

    id: UUID
    job_id: UUID
    attempt_id: UUID
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
    """An order, in the document of its job."""

    id: UUID
    attempt_id: UUID
    product: Product
    status: OrderStatus
    hd: HdState = Field(description=_HD)
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
        product=Product(order.product),
        amount=order.amount,
        currency=order.currency,
        status=status,
        checkout_url=checkout.url if checkout else None,
        hd=_progress(order, view.hd, waiting),
        hd_url=None if view.object_key is None else delivery.url(view.object_key, order.attempt_id),
        refunds=[_refund(each) for each in view.refunds],
        created_at=order.created_at,
        paid_at=order.paid_at,
        delivered_at=order.delivered_at,
        expires_at=order.expires_at if status.is_unpaid else None,
        links=_links(view, status),
    )


def brief_order(order: Order) -> BriefOrder:
    """An order in brief."""
    return BriefOrder(
        id=order.id,
        attempt_id=order.attempt_id,
        product=Product(order.product),
        status=order_status(order),
        hd=HdState(order.hd),
        links=BriefOrderLinks(self=paths.order(order.id)),
    )


def order_status(order: Order) -> OrderStatus:
    """Where an order stands. One that was given up is over, although nobody has looked since."""
    status = OrderStatus(order.status)
    if order.closed_at is not None and status.is_unpaid:
        return OrderStatus.EXPIRED
    return status


def _progress(order: Order, attempt: Attempt | None, waiting: WaitingById) -> OrderHd:
    state, wait = HdState(order.hd), waiting.get(attempt.id) if attempt else None
    if attempt is not None and state is HdState.WAITING:
        state = HdState.RENDERING  # nobody has looked since it was begun
    return OrderHd(
        state=state,
        progress=attempt.progress if attempt else 0.0,
        stage=attempt_stage(attempt, waiting) if attempt else None,
        queue_position=wait.queue_position if wait else None,
        eta_seconds=wait.eta_seconds if wait else None,
        error=_error(order) if state is HdState.FAILED else None,
    )


def _error(order: Order) -> HdError:
    error = error_for(order.error_code or "")
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
    attempt, hd = attempt_paths(view.job_id, view.order.attempt_id, Product(view.order.product))
    is_over = view.order.closed_at is not None
    return OrderLinks(
        self=paths.order(view.order.id),
        job=paths.job(view.job_id),
        attempt=attempt,
        events=paths.events(view.job_id),
        cancel=paths.cancel_order(view.order.id) if status.is_unpaid else None,
        checkout=paths.checkout(view.job_id) if status.is_unpaid or is_over else None,
        hd=hd if view.object_key is not None else None,
    )

"""Orders, their refunds, what they entitle to, and the inbox of the payment provider's events.

These rows outlive the job and its user, and hold nothing that tells who that was.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Column, Field, SQLModel

from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.models.columns import moment, row_time, writing_time

NOT_CLOSED = text("closed_at is null")


class Order(SQLModel, table=True):
    """One product of one attempt, for one price. Written before any call to the provider.

    An order over several photos has neither job nor attempt: what is sold are its items.

    Attributes:
        job_id: None once the job is gone.
        attempt_id: no foreign key, since the attempt may be gone as well.
        album_id: of an order over several photos; None once the album is gone.
        amount: in the currency's smallest unit, fixed when the order was made.
        price_version: of the price list it comes from.
        hd: what became of the HD object.
        error_code: why it failed for good.
        session_ids: the provider's checkout sessions, oldest first.
        sessions_begun: sessions that were begun; numbers the idempotency key of the next.
        payment_id: the payment that counts.
        expires_at: the end of the offer.
        closed_at: when it was over; from then on the product may be ordered anew.
        version: counts changes: who has read the provider writes only at the version it began with.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_one", "attempt_id", "product", unique=True, postgresql_where=NOT_CLOSED),
        Index("ix_orders_job", "job_id"),
        Index("ix_orders_album", "album_id"),
        Index("ix_orders_status", "status", "updated_at"),
        Index("ix_orders_payment", "payment_id"),
        CheckConstraint("amount > 0", name="ck_orders_amount"),
    )

    id: UUID = Field(primary_key=True)
    job_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("jobs.id", ondelete="SET NULL"))
    )
    attempt_id: UUID | None = None
    album_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("albums.id", ondelete="SET NULL"))
    )
    product: str
    amount: int
    currency: str
    price_version: str
    status: str = OrderStatus.CREATED
    hd: str = HdState.WAITING
    error_code: str | None = None
    session_ids: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String), nullable=False)
    )
    sessions_begun: int = 0
    payment_id: str | None = None
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = row_time()
    updated_at: datetime = row_time()
    paid_at: datetime | None = moment()
    delivered_at: datetime | None = moment()
    closed_at: datetime | None = moment()
    version: int = Field(default=0)


class OrderRefund(SQLModel, table=True):
    """A row of the ledger of refunds: written before the call, never deleted.

    Attributes:
        number: within its order, from 1; names the call's idempotency key.
        amount: in the currency's smallest unit.
        item: number of the order's item whose share it is; None for other reasons.
        refund_id: the provider's, once it answered.
        void_at: when it turned out that it can not be carried out any more.
    """

    __tablename__ = "order_refunds"
    __table_args__ = (CheckConstraint("amount > 0", name="ck_order_refunds_amount"),)

    order_id: UUID = Field(foreign_key="orders.id", ondelete="RESTRICT", primary_key=True)
    number: int = Field(primary_key=True)
    payment_id: str
    amount: int
    reason: str
    item: int | None = None
    refund_id: str | None = Field(default=None, unique=True)
    created_at: datetime = writing_time()
    answered_at: datetime | None = moment()
    void_at: datetime | None = moment()


class Entitlement(SQLModel, table=True):
    """The right to read an HD object; void while it is revoked."""

    __tablename__ = "entitlements"

    order_id: UUID = Field(foreign_key="orders.id", ondelete="RESTRICT", primary_key=True)
    object_key: str
    granted_at: datetime = writing_time()
    revoked_at: datetime | None = moment()


class PaymentEventRecord(SQLModel, table=True):
    """An event of the provider that was received; its body is not kept.

    Attributes:
        order_id: no foreign key: an event may come for an order that nobody knows.
    """

    __tablename__ = "payment_events"
    __table_args__ = (
        Index(
            "ix_payment_events_waiting",
            "received_at",
            postgresql_where=text("handled_at is null"),
        ),
        Index("ix_payment_events_order", "order_id"),
        Index("ix_payment_events_payment", "payment_id"),
    )

    event_id: str = Field(primary_key=True)
    kind: str
    order_id: UUID | None = None
    payment_id: str | None = None
    received_at: datetime = writing_time()
    handled_at: datetime | None = moment()

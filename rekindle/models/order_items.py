"""The photos of an order over several, each with what became of it.

As orders, these rows outlive the job and its user, and then hold nothing that tells who that was.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlmodel import Column, Field, SQLModel

from rekindle.contracts.orders import HdState, Product
from rekindle.models.columns import moment
from rekindle.models.orders import NOT_CLOSED


class OrderItem(SQLModel, table=True):
    """One photo of an order; while it is granted and not revoked, its HD object may be read.

    Attributes:
        number: within its order, from 1.
        job_id: None once the job is gone.
        attempt_id: whose HD is sold; no foreign key, since the attempt may be gone as well.
        share: its part of the price, in the currency's smallest unit. All parts are the price.
        hd: what became of the HD object.
        error_code: why it failed for good.
        object_key: of the HD object once it is ready; empty when its job is gone.
        closed_at: when it was over: from then on the attempt may be ordered anew.
    """

    __tablename__ = "order_items"
    __table_args__ = (
        Index(
            "ix_order_items_one", "attempt_id", "product", unique=True, postgresql_where=NOT_CLOSED
        ),
        Index("ix_order_items_job", "job_id"),
        CheckConstraint("share > 0", name="ck_order_items_share"),
    )

    order_id: UUID = Field(foreign_key="orders.id", ondelete="RESTRICT", primary_key=True)
    number: int = Field(primary_key=True)
    job_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("jobs.id", ondelete="SET NULL"))
    )
    attempt_id: UUID
    product: str = Product.HD_IMAGE
    share: int
    hd: str = HdState.WAITING
    error_code: str | None = None
    object_key: str | None = None
    granted_at: datetime | None = moment()
    revoked_at: datetime | None = moment()
    closed_at: datetime | None = moment()

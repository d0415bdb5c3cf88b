"""Outbound webhooks: where people want to be told, and what is to be told there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Column, Field, SQLModel

from rekindle.models.columns import drawn_id, moment, writing_time


class WebhookEndpoint(SQLModel, table=True):
    """One address of one user. Its signing secret is derived (`rules.webhooks`), never stored.

    Attributes:
        events: the `WebhookType`s that are told there; none means all.
        status: an `EndpointStatus`.
        rotation: how often its secret was changed.
        rotation_id: names the last change, so that the same command changes it once.
        rotated_at: when; the secret before is good for a while after.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("ix_webhook_endpoints_user", "user_id", "created_at"),)

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    url: str
    events: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    status: str
    rotation: int = 0
    rotation_id: UUID | None = None
    rotated_at: datetime | None = moment()
    created_at: datetime = writing_time()


class WebhookDelivery(SQLModel, table=True):
    """One event for one endpoint: written by the statement that makes the change.

    Attributes:
        endpoint_id: not a foreign key: an endpoint may be deleted while an event is being
            written, and that must not make the event fail.
        event_id: of the job's event log, which is cut earlier; of an order over several photos,
            which no log tells of, a number of that log that no event has.
        job_id: None of an order over several photos.
        album_id: of such an order, unless its album was gone by then. Not a foreign key: what is
            told stays the same.
        subject_id: the attempt or order that it is about; each state of it is told once.
        type: a `WebhookType`.
        status: a `DeliveryStatus`.
        tries: how often it was sent, as far as is known.
        last_status: HTTP status of the last answer; None when there was none.
        last_failure: a `SendFailure`, when there was no answer.
        due_at: while it is pending: from then on its workflow is (re)started by whoever looks.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "subject_id", "type", name="uq_webhook_deliveries_once"),
        Index("ix_webhook_deliveries_job", "job_id"),
        Index("ix_webhook_deliveries_ended", "ended_at"),
        Index("ix_webhook_deliveries_due", "due_at", postgresql_where=text("status = 'pending'")),
    )

    id: UUID = drawn_id()
    endpoint_id: UUID
    event_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    job_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    )
    album_id: UUID | None = None
    subject_id: UUID
    type: str
    error_code: str | None = None
    status: str = Field(
        default="pending", sa_column=Column(String, nullable=False, server_default="pending")
    )
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    last_status: int | None = None
    last_failure: str | None = None
    happened_at: datetime = writing_time()
    due_at: datetime = writing_time()
    ended_at: datetime | None = moment()

"""The event log: what happened to each job, in order, so that a client can follow and resume."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Column, Field, SQLModel

from rekindle.models.columns import writing_time


class JobEvent(SQLModel, table=True):
    """One change. The events of one job become visible in the order of their ids.

    Attributes:
        attempt_id: whom it is about. Not a foreign key: attempts will live in several tables, and
            an event tells what happened even where the attempt is gone.
        kind: an `EventKind`.
        data: enough to redraw without another request; no key, no address, nothing of a person.
    """

    __tablename__ = "job_events"
    __table_args__ = (
        Index("ix_job_events_job", "job_id", "id"),
        Index("ix_job_events_age", "created_at"),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    job_id: UUID = Field(foreign_key="jobs.id", ondelete="CASCADE")
    attempt_id: UUID | None = None
    kind: str
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = writing_time()

"""Idempotency keys: requests that were sent under a key, and what they were answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Column, Field, SQLModel

from rekindle.models.columns import moment


class IdempotencyKey(SQLModel, table=True):
    """One use of a key. With a `status` it is answered, with a lease it is being carried out.

    Attributes:
        scope: hex SHA-256 of whose key it is, for which method and path; tells nothing of a person.
        fingerprint: hex SHA-256 of what was sent; stays when a try fails.
        first_used_at: 24 hours later the key is as good as new.
        tries: how often carrying it out has begun.
        holder: the try that began last; an earlier one's late reply is not kept.
        leased_until: until then the holder counts as alive; None when there is none.
        headers: those of the reply that belong to its content.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_age", "first_used_at"),)

    scope: str = Field(primary_key=True)
    fingerprint: str
    first_used_at: datetime = Field(sa_type=DateTime(timezone=True))
    tries: int
    holder: UUID
    leased_until: datetime | None = moment()
    status: int | None = None
    headers: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    body: bytes | None = None

"""API keys: what programs send instead of a person's access token."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Column, Field, SQLModel

from rekindle.models.columns import moment, row_time


class ApiKey(SQLModel, table=True):
    """One key of one user. Its row outlives it, so that it can be told what a key was.

    Attributes:
        name: what its maker calls it.
        sha256: of the whole text of the key, which is kept nowhere.
        scopes: what it may do, never more than its maker could when it was made.
        last_used_at: about when; not every use is written down.
    """

    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_user_newest", "user_id", "created_at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    name: str
    sha256: bytes
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    created_at: datetime = row_time()
    expires_at: datetime | None = moment()
    last_used_at: datetime | None = moment()
    revoked_at: datetime | None = moment()

"""Browser sessions: people who have signed in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Column, Field, SQLModel

from rekindle.models.columns import row_time


class BrowserSession(SQLModel, table=True):
    """One person signed in with one browser; the row goes when the session ends.

    Attributes:
        sha256: of the cookie's value, which is kept nowhere.
        scopes: what the issuer granted at the sign-in.
        last_used_at: about when; not every use is written down.
        expires_at: the end, used or not.
    """

    __tablename__ = "browser_sessions"
    __table_args__ = (
        Index("ix_browser_sessions_user", "user_id"),
        Index("ix_browser_sessions_end", "expires_at"),
    )

    sha256: bytes = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    created_at: datetime = row_time()
    last_used_at: datetime = row_time()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))

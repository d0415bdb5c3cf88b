"""People, known only by what their issuer calls them."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from rekindle.models.columns import row_time


class User(SQLModel, table=True):
    """One subject of one issuer."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject", name="uq_users_issuer_subject"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    issuer: str
    subject: str
    created_at: datetime = row_time()

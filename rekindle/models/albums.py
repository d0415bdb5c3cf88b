"""Several photos of one user, looked at and bought together."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from rekindle.models.columns import row_time, writing_time


class Album(SQLModel, table=True):
    """An album; it owns nothing: its photos are there without it."""

    __tablename__ = "albums"
    __table_args__ = (Index("ix_albums_user_newest", "user_id", "created_at", "id"),)

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    title: str = ""
    created_at: datetime = row_time()
    updated_at: datetime = row_time()


class AlbumItem(SQLModel, table=True):
    """A photo in an album.

    Attributes:
        position: in the order in which photos were put in; there may be gaps.
    """

    __tablename__ = "album_items"
    __table_args__ = (Index("ix_album_items_job", "job_id"),)

    album_id: UUID = Field(foreign_key="albums.id", ondelete="CASCADE", primary_key=True)
    job_id: UUID = Field(foreign_key="jobs.id", ondelete="CASCADE", primary_key=True)
    position: int
    added_at: datetime = writing_time()

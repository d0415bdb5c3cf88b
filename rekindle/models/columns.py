"""Column shapes that several tables share."""

from typing import Any

from sqlalchemy import DateTime, Uuid, func
from sqlmodel import Field


def row_time() -> Any:
    """The time of writing the row, by the database's clock: when its transaction began."""
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now(), "nullable": False},
    )


def writing_time() -> Any:
    """As `row_time`, but of the very statement: a transaction may have waited for its turn."""
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.clock_timestamp(), "nullable": False},
    )


def moment() -> Any:
    """A point in time that may not have come yet."""
    return Field(default=None, sa_type=DateTime(timezone=True))


def drawn_id() -> Any:
    """An id that the database draws, for rows that one statement makes several of."""
    return Field(
        default=None,
        primary_key=True,
        sa_type=Uuid,
        sa_column_kwargs={"server_default": func.gen_random_uuid()},
    )

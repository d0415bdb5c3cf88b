"""Lists that are read page by page, newest first, and places in them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple
from uuid import UUID

from sqlalchemy import Select, tuple_
from sqlmodel import col

from rekindle.models import Album, Job, Order

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True)
class Cursor:
    """A place in a list: behind the row of this time and id."""

    created_at: datetime
    row_id: UUID


def newest_first(
    statement: Select[*Columns],
    row: type[Job | Order | Album],
    *,
    limit: int,
    after: Cursor | None,
) -> Select[*Columns]:
    """A page of what a statement selects.

    Args:
        row: by whose time and id the list is in order.
        limit: at most so many.
        after: continue behind this place.
    """
    made, row_id = col(row.created_at), col(row.id)
    page = statement.order_by(made.desc(), row_id.desc()).limit(limit)
    return (
        page
        if after is None
        else page.where(tuple_(made, row_id) < (after.created_at, after.row_id))
    )

"""Places in lists that are read page by page, newest first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Cursor:
    """A place in a list: behind the row of this time and id."""

    created_at: datetime
    row_id: UUID

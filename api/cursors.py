"""Places in a list as opaque words: clients hand them back and do not look inside."""

import base64
from datetime import datetime
from uuid import UUID

from rekindle.errors import InvalidRequest
from rekindle.models import Album, Job, Order
from rekindle.store.pages import Cursor

LONGEST_CURSOR = 128


def place_of(row: Job | Order | Album) -> Cursor:
    """Where a job, an order or an album stands in its owner's list."""
    return Cursor(row.created_at, row.id)


def to_word(cursor: Cursor) -> str:
    """The place as a word that is safe in a URL."""
    text = f"{cursor.created_at.isoformat()}|{cursor.row_id.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_word(word: str) -> Cursor:
    """The place behind a word.

    A forged word only leads elsewhere in the caller's own list.

    Raises:
        InvalidRequest: no such word was ever handed out.
    """
    try:
        padded = word + "=" * (-len(word) % 4)
        when, _, row_id = base64.urlsafe_b64decode(padded.encode("ascii")).decode().partition("|")
        cursor = Cursor(datetime.fromisoformat(when), UUID(hex=row_id))
        if cursor.created_at.tzinfo is None:
            raise ValueError("no time zone")
    except ValueError as error:
        raise InvalidRequest("The cursor is not one that a page of this list gave.") from error
    return cursor

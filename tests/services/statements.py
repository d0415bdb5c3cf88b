"""What is sent to Postgres, so that a test can count it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from rekindle.store.database import Database


@contextmanager
def statements(of: Database | None = None) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile.

    Args:
        of: only over these connections; over any by default.
    """
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = Engine if of is None else of._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)

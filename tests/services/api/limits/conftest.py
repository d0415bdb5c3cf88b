"""The parent's application, whose settings a test may change, and a count of statements."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from rekindle.settings import Settings
from rekindle.store.database import Database


@pytest.fixture
def set_settings(app: FastAPI) -> Iterator[Callable[..., None]]:
    """Changes settings that routes look at with each request, until the test ends."""
    before: Settings = app.state.settings

    def change(**changed: Any) -> None:
        app.state.settings = before.model_copy(update=changed)

    yield change
    app.state.settings = before


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)

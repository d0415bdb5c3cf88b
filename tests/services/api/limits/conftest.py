"""The parent's application, whose settings a test may change, and a count of statements."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from rekindle.settings import Settings


@pytest.fixture
def set_settings(app: FastAPI) -> Iterator[Callable[..., None]]:
    """Changes settings that routes look at with each request, until the test ends."""
    before: Settings = app.state.settings

    def change(**changed: Any) -> None:
        app.state.settings = before.model_copy(update=changed)

    yield change
    app.state.settings = before

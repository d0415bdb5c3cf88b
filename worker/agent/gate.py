"""The way to ComfyUI's queue, which closes while ComfyUI is about to be started anew."""

from collections.abc import Iterator
from contextlib import contextmanager

from rekindle.errors import ComfyUnavailable


class PromptGate:
    """Counts who is on the way through, so that nobody is cut off in the middle."""

    def __init__(self) -> None:
        self._inside = 0
        self._closed = False

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Hold it open while a prompt is posted. Raises `ComfyUnavailable` while it is closed."""
        if self._closed:
            raise ComfyUnavailable("ComfyUI is about to be started anew")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @contextmanager
    def closed(self) -> Iterator[bool]:
        """Keep everybody out; tells whether nobody was inside."""
        self._closed = True
        try:
            yield self._inside == 0
        finally:
            self._closed = False

"""A photo on its way from a file to the API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from deploy.cli.failures import FileUnusable


class CountedFile:
    """A file that tells how much of it has been read."""

    def __init__(self, file: IO[bytes], size: int, sent: Callable[[int, int], None] | None) -> None:
        """Read on from where the file is.

        Args:
            size: of the whole file, bytes.
            sent: told how many bytes of how many have been read.
        """
        self._file = file
        self._size = size
        self._sent = sent

    def read(self, size: int = -1) -> bytes:
        """As of the file."""
        chunk = self._file.read(size)
        if self._sent is not None:
            self._sent(self._file.tell(), self._size)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def opened_photo(photo: Path) -> Iterator[IO[bytes]]:
    """A file that can be read. Raises `FileUnusable` otherwise."""
    try:
        file = photo.open("rb")
    except OSError as error:
        raise FileUnusable(f"{photo} cannot be read: {error.strerror}") from error
    with file:
        yield file

"""The object store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

LONGEST_ADDRESS_SECONDS = 600
"""Nothing takes an address back once it is out, not even a refund: it must end soon."""


@dataclass(frozen=True)
class StoredObject:
    """What the store says about one object."""

    key: str
    size_bytes: int
    sha256: str | None
    """Hex digest as recorded when it was put through this port; None for foreign objects."""
    labels: Mapping[str, str]
    """What else was written on it."""


@dataclass(frozen=True)
class FoundObject:
    """An object as a list names it.

    Attributes:
        changed_at: when it was put, by the store's clock.
    """

    key: str
    size_bytes: int
    changed_at: datetime


@dataclass(frozen=True)
class PresignedPost:
    """A form that puts one object, sent by whoever holds it.

    Attributes:
        url: where to POST it, as multipart/form-data.
        fields: every field, in their order; the file comes last, as `file`.
        expires_at: until when the store takes it.
    """

    url: str
    fields: Mapping[str, str] = field(repr=False)
    expires_at: datetime


class ObjectStore(Protocol):
    """A bucket. Every call raises `StorageUnavailable` when the store cannot answer."""

    async def put_file(
        self,
        key: str,
        source: Path,
        *,
        content_type: str,
        labels: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Store a file with its sha256 beside it.

        Idempotent: the same key is overwritten by the same bytes.

        Args:
            key: the whole key inside the bucket.
            source: a local file, streamed (never held in memory whole).
            content_type: as it will be served.
            labels: small ASCII facts kept beside it; names in lower case.
        """
        ...

    async def fetch_file(self, key: str, target: Path, *, max_bytes: int | None = None) -> None:
        """Write the object's bytes to `target`, streamed.

        Args:
            key: the object.
            target: a file in an existing folder; after an error it may be there, unfinished.
            max_bytes: no more than these are read, whatever the store says of its size.

        Raises:
            NotFound: there is none.
            PhotoTooLarge: it has more than `max_bytes`.
        """
        ...

    async def read(self, key: str, *, start: int, most: int) -> bytes:
        """A piece of an object; nothing stays open, however far the reader comes.

        Args:
            key: the object.
            start: first byte, below its size.
            most: at most so many bytes; fewer than that only at its end.

        Raises:
            NotFound: there is none.
        """
        ...

    async def head(self, key: str) -> StoredObject | None:
        """What is stored under the key, or None."""
        ...

    async def delete(self, *keys: str) -> None:
        """Delete the objects. Idempotent: absent keys are fine."""
        ...

    def url(self, key: str, *, filename: str | None = None, seconds: float | None = None) -> str:
        """A short-lived address for reading one object. Computed locally, no request.

        Two calls close together may give the same address. Each address has at least three
        quarters of its longest life before it, to within a second.

        Args:
            key: the object.
            filename: when given, a browser saves the object under this name. It may be a
                stranger's: nothing in it reaches a header as it is.
            seconds: longest life of the address, above 0 and at most `LONGEST_ADDRESS_SECONDS`;
                None is what the store was made with. Fractions are cut off, to no less than 1.

        Raises:
            ValueError: `seconds` is out of its range.
        """
        ...

    def post_form(
        self, key: str, *, content_type: str, max_bytes: int, min_bytes: int = 1, seconds: int
    ) -> PresignedPost:
        """A form for putting one object from a browser. Computed locally, no request.

        The store refuses another key, another content type, another size, and any further field.
        The form may be sent again while it lasts: the later object replaces the earlier one.

        Args:
            key: of the object, exactly.
            content_type: that the form must name. The store looks at the word, not at the content.
            max_bytes: largest object.
            min_bytes: smallest object.
            seconds: life of the form.
        """
        ...

    async def find(self, prefix: str, *, after: str | None, most: int) -> Sequence[FoundObject]:
        """Objects whose keys begin with `prefix`, in the order of their keys.

        Args:
            prefix: the begin of their keys.
            after: only keys behind this one.
            most: at most so many, up to 1000; fewer than that means that there are no more.
        """
        ...

    async def abort_multipart(self, *, begun_before: datetime, most: int) -> int:
        """Abort multipart uploads that nobody has finished: their parts are paid for, unseen.

        Args:
            begun_before: only those that began before then.
            most: at most so many; further ones at the next call.

        Returns:
            How many.
        """
        ...

    async def check(self) -> None:
        """Return when the bucket answers; raise `StorageUnavailable` otherwise."""
        ...

"""The object store."""

from collections.abc import Mapping
from dataclasses import dataclass
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

    async def fetch_file(self, key: str, target: Path) -> None:
        """Write the object's bytes to `target`. Raises `NotFound` when there is none."""
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

    async def check(self) -> None:
        """Return when the bucket answers; raise `StorageUnavailable` otherwise."""
        ...

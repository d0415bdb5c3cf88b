"""How the bucket itself is set up; what lies in it is the object store's."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol


@dataclass(frozen=True)
class BucketRules:
    """The rules that Rekindle asks of its bucket, as they are.

    Attributes:
        origins: of web pages that may post to it and read from it; they may hold a `*`.
        incoming_days: after so many days the store itself deletes photos that never became a job,
            and parts of unfinished uploads; None when it does not.
    """

    origins: tuple[str, ...] = ()
    incoming_days: int | None = None

    def closed_to(self, origins: Sequence[str]) -> list[str]:
        """Those of the origins whose pages may not post to the bucket."""
        return [
            origin
            for origin in origins
            if not any(fnmatchcase(origin, allowed) for allowed in self.origins)
        ]


class Bucket(Protocol):
    """A bucket. Every call raises `StorageUnavailable` when the store cannot answer or refuses."""

    async def rules(self) -> BucketRules:
        """The rules as they are. What a store does not know counts as not set."""
        ...

    async def open_to(self, origins: Sequence[str]) -> None:
        """Let web pages of these origins post and read; no others by our rule.

        Idempotent. Rules that somebody else made stay.
        """
        ...

    async def expire_incoming(self, days: int) -> bool:
        """Have the store delete what is left of uploads after some days.

        The sweep does so much sooner: this is for the day when no worker runs. Idempotent. Rules
        that somebody else made stay.

        Returns:
            False when the store has no such rules.
        """
        ...

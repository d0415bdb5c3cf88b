"""What a rented machine may do to itself."""

from enum import Enum
from typing import Protocol


class Departure(Enum):
    """What the cloud let the machine do."""

    TERMINATED = "terminated"
    STOPPED = "stopped"
    """It costs little now, but it is still there: somebody else has to terminate it."""


class PodSelf(Protocol):
    """The machine this process runs on, at its cloud."""

    async def leave(self) -> Departure:
        """Return this machine, or where its key may not do that, stop it. Idempotent.

        Raises:
            CloudUnavailable: nobody knows whether that worked; do it again.
            CloudRefused: the key may do neither.
        """
        ...

"""An order that is ready to be carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .report import Done


@dataclass(frozen=True)
class Task:
    """What is left to do once everything is imported and open.

    Attributes:
        carry_out: touches the untrusted file; raises `Refused` when it cannot be used.
        memory_bytes: address space it may need.
        file_bytes: length that no file it writes may exceed.
    """

    carry_out: Callable[[], Done]
    memory_bytes: int
    file_bytes: int

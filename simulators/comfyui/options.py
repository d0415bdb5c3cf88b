"""What the command line decides, frozen before the engine starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class ModelsMode(StrEnum):
    """What happens when a graph asks for model weights.

    ``NONE`` behaves like a ComfyUI without usable weights: an unlisted name fails validation
    and a listed file fails in its loader. ``LISTED`` draws test cards for the files that lie
    under ``models/``. ``TEST_CARD`` draws them for any model name.
    """

    NONE = "none"
    LISTED = "listed"
    TEST_CARD = "test-card"


class CacheMode(StrEnum):
    """How long node results live: ``--cache-classic``, ``--cache-lru N``, ``--cache-none``."""

    CLASSIC = "classic"
    LRU = "lru"
    NONE = "none"


@dataclass(frozen=True)
class ModelFile:
    """A placeholder weight file, named as ``/models/{folder}`` would list it."""

    folder: str
    name: str


@dataclass(frozen=True)
class Options:
    """Settings of one engine process.

    Attributes:
        base_directory: Holds input, output, temp, models, user and the prompt ledger.
        max_upload_mb: Largest request body in MiB, /prompt included.
        canonical_ids: Refuse prompt ids that are no canonical lower-case UUID, as 0.38 does.
        node_delay: Seconds a node waits before it runs, by class name; ``*`` means every class.
        step_delay: Seconds per sampler step.
        argv: Shown by /system_stats, as the real server shows its own.
    """

    base_directory: Path
    listen: str = "127.0.0.1"
    port: int = 8188
    models_mode: ModelsMode = ModelsMode.NONE
    models: tuple[ModelFile, ...] = ()
    cache: CacheMode = CacheMode.CLASSIC
    cache_size: int = 0
    disable_metadata: bool = False
    max_upload_mb: float = 100
    canonical_ids: bool = False
    node_delay: Mapping[str, float] = field(default_factory=dict)
    step_delay: float = 0.0
    argv: tuple[str, ...] = ()

    @property
    def max_upload_bytes(self) -> int:
        """The body limit in bytes, rounded as the real server rounds it."""
        return round(self.max_upload_mb * 1024 * 1024)

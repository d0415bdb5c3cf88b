"""What parent and child say to each other; the only module that both import."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True)
class IngestOrder:
    """Read the photo on standard input and write its working copy.

    Attributes:
        working: path of the PNG to create.
        max_pixels: largest accepted width x height.
        max_side: longest accepted side, in pixels.
        cpu_seconds: CPU time after which the kernel ends the child.
    """

    working: str
    max_pixels: int
    max_side: int
    cpu_seconds: int


@dataclass(frozen=True)
class DeriveOrder:
    """Read the master PNG on standard input and write its preview and thumbnail.

    Attributes:
        preview: path of the watermarked JPEG to create.
        thumbnail: path of the JPEG to create.
        preview_side: longest side of the preview, in pixels.
        thumbnail_side: longest side of the thumbnail, in pixels.
        digital_source_type: a word of the IPTC vocabulary, or None.
        max_pixels: as in `IngestOrder`, like the two below.
    """

    preview: str
    thumbnail: str
    preview_side: int
    thumbnail_side: int
    digital_source_type: str | None
    max_pixels: int
    max_side: int
    cpu_seconds: int


Order = IngestOrder | DeriveOrder

Format = Literal["jpeg", "png", "heic", "webp"]


def order_to_json(order: Order) -> str:
    """The order as the child's only argument."""
    return json.dumps({type(order).__name__: asdict(order)})


def order_from_json(text: str) -> Order:
    """The order out of the child's only argument."""
    [(name, fields)] = json.loads(text).items()
    return IngestOrder(**fields) if name == IngestOrder.__name__ else DeriveOrder(**fields)


class Refusal(StrEnum):
    """Why a file cannot be used. The last two are the parent's finding: no report came."""

    UNSUPPORTED = "unsupported"
    DAMAGED = "damaged"
    ANIMATED = "animated"
    TOO_MANY_PIXELS = "too_many_pixels"
    SIDE_TOO_LONG = "side_too_long"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_SLOW = "too_slow"
    FATAL = "fatal"


class Refused(Exception):
    """The file cannot be used.

    Attributes:
        refusal: why.
        note: the decoder's own words, for the log only.
    """

    def __init__(self, refusal: Refusal, note: str = "") -> None:
        super().__init__(f"{refusal}: {note}" if note else refusal.value)
        self.refusal = refusal
        self.note = note


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Done:
    """The order is carried out.

    Attributes:
        format: what the content of the file is.
        stored: size of the picture before its orientation was applied.
        written: sizes of the images written, one for each output of the order.
    """

    format: Format
    stored: Size
    written: tuple[Size, ...]


@dataclass(frozen=True)
class Report:
    """The child's answer, one JSON object: exactly one of the first three is set.

    Attributes:
        done: it worked.
        refused: the file cannot be used.
        failed: something went wrong on our side (the disk is full).
        note: the decoder's own words about a refusal, for the log only.
    """

    done: Done | None = None
    refused: Refusal | None = None
    failed: str | None = None
    note: str = ""

    def to_json(self) -> str:
        """The report as the child prints it."""
        return json.dumps(asdict(self))


READY = "ready\n"
"""Printed first, just before the file is touched: whatever ends the child later is its doing."""

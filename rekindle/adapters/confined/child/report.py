"""What a child answers; one of the two modules that the parent imports too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Literal

READY = "ready\n"
"""Printed first, just before the file is touched: whatever ends the child later is its doing."""

Format = Literal["jpeg", "png", "heic", "webp"]


class Refusal(StrEnum):
    """Why a file cannot be used. The last two are the parent's finding: no report came."""

    UNSUPPORTED = "unsupported"
    DAMAGED = "damaged"
    ANIMATED = "animated"
    TOO_MANY_PIXELS = "too_many_pixels"
    SIDE_TOO_LONG = "side_too_long"
    TOO_LONG = "too_long"
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
class PhotoDone:
    """An order about a still picture is carried out.

    Attributes:
        format: what the content of the file is.
        stored: size of the picture before its orientation was applied.
        written: sizes of the images written, one for each output of the order.
    """

    format: Format
    stored: Size
    written: tuple[Size, ...]


@dataclass(frozen=True)
class VideoDone:
    """An order about a video is carried out.

    Attributes:
        shown: size of a frame as a player shows it.
        frames: frames decoded.
        fps: frames per second, on average.
        written: sizes of the files written, one for each output of the order.
    """

    shown: Size
    frames: int
    fps: float
    written: tuple[Size, ...]


Done = PhotoDone | VideoDone


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

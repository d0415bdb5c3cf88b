"""What a child may be told to do; one of the two modules that the parent imports too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class Decoder(StrEnum):
    """What a template has imported, and its children can do."""

    PHOTO = "photo"
    VIDEO = "video"


@dataclass(frozen=True, kw_only=True)
class PhotoOrder:
    """What every order about a still picture says.

    Attributes:
        max_pixels: largest accepted width x height.
        max_side: longest accepted side, in pixels.
        cpu_seconds: CPU time after which the kernel ends the child.
    """

    max_pixels: int
    max_side: int
    cpu_seconds: int


@dataclass(frozen=True, kw_only=True)
class VideoOrder:
    """What every order about a video says.

    Attributes:
        max_pixels: largest accepted width x height.
        max_side: longest accepted side, in pixels.
        max_seconds: longest accepted video.
        max_frames: most accepted frames.
        cpu_seconds: CPU time, of all threads, after which the kernel ends the child.
    """

    max_pixels: int
    max_side: int
    max_seconds: float
    max_frames: int
    cpu_seconds: int


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """What is to be made of a master.

    Attributes:
        preview: path of the watermarked JPEG or MP4 to create.
        thumbnail: path of the JPEG to create.
        preview_side: longest side of the preview, in pixels.
        thumbnail_side: longest side of the thumbnail, in pixels.
        digital_source_type: a word of the IPTC vocabulary, or None.
    """

    preview: str
    thumbnail: str
    preview_side: int
    thumbnail_side: int
    digital_source_type: str | None


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """The same file with its origin label.

    Attributes:
        labelled: path of the PNG or MP4 to create.
        digital_source_type: a word of the IPTC vocabulary.
        source_bytes: length of the file on standard input.
    """

    labelled: str
    digital_source_type: str
    source_bytes: int


@dataclass(frozen=True, kw_only=True)
class IngestOrder(PhotoOrder):
    """Read the photo on standard input and write its working copy.

    Attributes:
        working: path of the PNG to create.
    """

    working: str


@dataclass(frozen=True, kw_only=True)
class DeriveOrder(PhotoOrder, Derivation):
    """Read the master PNG on standard input and write its preview and thumbnail."""


@dataclass(frozen=True, kw_only=True)
class LabelOrder(PhotoOrder, Labelling):
    """Read the PNG on standard input and write the same picture with its origin label."""


@dataclass(frozen=True, kw_only=True)
class VideoDeriveOrder(VideoOrder, Derivation):
    """Read the master MP4 on standard input and write its preview and thumbnail."""


@dataclass(frozen=True, kw_only=True)
class VideoLabelOrder(VideoOrder, Labelling):
    """Read the MP4 on standard input and write the same streams with their origin label."""


Order = IngestOrder | DeriveOrder | LabelOrder | VideoDeriveOrder | VideoLabelOrder

_ORDERS: dict[str, type[Order]] = {
    order.__name__: order
    for order in (IngestOrder, DeriveOrder, LabelOrder, VideoDeriveOrder, VideoLabelOrder)
}


def order_to_json(order: Order) -> str:
    """The order as it is sent."""
    return json.dumps({type(order).__name__: asdict(order)})


def order_from_json(text: str) -> Order:
    """The order as it was sent."""
    [(name, fields)] = json.loads(text).items()
    return _ORDERS[name](**fields)

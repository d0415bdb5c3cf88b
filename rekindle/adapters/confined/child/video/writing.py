"""Writing an MP4: its index before its data, and its origin label."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple
from uuid import UUID

import av
from av.container import OutputContainer

from ..origin_label import origin_address, origin_label

_XMP = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
"""Of the box that holds an XMP packet: XMP specification part 3, MPEG-4."""


class Target(NamedTuple):
    """A file to write, opened twice.

    Attributes:
        written: the end to write at.
        read_back: the muxer reads the data once more to move it behind the index.
    """

    written: BinaryIO
    read_back: BinaryIO


def open_target(path: str) -> Target:
    """Create the file."""
    return Target(open(path, "xb"), open(path, "rb"))


@contextmanager
def mp4(target: Target, digital_source_type: str | None) -> Iterator[OutputContainer]:
    """An MP4 to add streams to; finished and closed afterwards.

    Args:
        target: the file.
        digital_source_type: a word of the IPTC vocabulary, or None for no label.

    Raises:
        ValueError: it is not a word of letters only.
        OSError: the disk is full.
    """
    packet = origin_label(digital_source_type)
    with target.written, target.read_back:
        with av.open(
            _Whole(target.written),
            "w",
            format="mp4",
            options={"movflags": "faststart", "fflags": "bitexact"},
            io_open=lambda *_: target.read_back,
        ) as container:
            if digital_source_type is not None:
                container.metadata["comment"] = origin_address(digital_source_type)
            yield container
        if packet is not None:
            # At the end nothing has to move, and every offset in the index stays true.
            target.written.seek(0, os.SEEK_END)
            target.written.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + _XMP + packet)


class _Whole:
    """A file as the muxer needs it: what is written can be read back, and is never cut short."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def write(self, data: bytes) -> int:
        """Write all of it, or raise."""
        self._file.write(data)
        self._file.flush()
        return len(data)

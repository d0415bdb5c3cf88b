"""One order: open everything, limit ourselves, lock the door behind us, then touch the file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import BinaryIO

from .confinement import confine, limit_resources
from .order import (
    Decoder,
    DeriveOrder,
    IngestOrder,
    LabelOrder,
    Order,
    VideoDeriveOrder,
    VideoLabelOrder,
    order_from_json,
)
from .report import READY, Done, Refusal, Refused, Report
from .task import Task


def load(decoder: Decoder) -> None:
    """Import what orders of one kind need, before there is any."""
    match decoder:
        case Decoder.PHOTO:
            from .photo import derive, ingest, label  # noqa: F401
        case Decoder.VIDEO:
            from .video import derive as derive_video  # noqa: F401


def carry_out(text: str) -> None:
    """Carry an order out and print the report.

    Args:
        text: the order as JSON.
    """
    order = order_from_json(text)
    task = _prepare(order, open(0, "rb", closefd=False))  # noqa: SIM115
    limit_resources(
        memory_bytes=task.memory_bytes,
        file_bytes=task.file_bytes,
        cpu_seconds=order.cpu_seconds,
    )
    confine()
    sys.stdout.write(READY)
    sys.stdout.flush()
    sys.stdout.write(_report(task.carry_out).to_json())
    sys.stdout.flush()


def _prepare(order: Order, source: BinaryIO) -> Task:
    """Open what the order needs: once confined, nothing more can be opened."""
    match order:
        case IngestOrder():
            from .photo import ingest

            return ingest.prepare(order, source)
        case DeriveOrder():
            from .photo import derive

            return derive.prepare(order, source)
        case LabelOrder():
            from .photo import label

            return label.prepare(order, source)
        case VideoDeriveOrder():
            from .video import derive as derive_video

            return derive_video.prepare(order, source)
        case VideoLabelOrder():
            from .video import label as label_video

            return label_video.prepare(order, source)


def _report(work: Callable[[], Done]) -> Report:
    try:
        return Report(done=work())
    except Refused as refused:
        return Report(refused=refused.refusal, note=refused.note)
    except MemoryError:
        return Report(refused=Refusal.OUT_OF_MEMORY)
    except Exception as error:
        return Report(failed=repr(error))

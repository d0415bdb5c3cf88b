"""One child process from start to end: forked for one file, and killed when late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import TypeAdapter, ValidationError

from rekindle.adapters.confined.child.order import Order, order_to_json
from rekindle.adapters.confined.child.report import (
    READY,
    PhotoDone,
    Refusal,
    Refused,
    Report,
    VideoDone,
)
from rekindle.adapters.confined.template import Template
from rekindle.errors import DecoderBusy, PlatformError

_LONGEST_REPORT = 64 * 1024
_LONGEST_EXCERPT = 2_000
_REPORT = TypeAdapter(Report)

D = TypeVar("D", PhotoDone, VideoDone)


async def run_child(
    template: Template,
    order: Order,
    source: Path,
    room: Path,
    *,
    answer: type[D],
    timeout_seconds: float,
) -> D:
    """Run a child on one file.

    Cancelling this kills the child, and so does the death of this process.

    Args:
        template: what the child is forked from.
        order: what to do; its outputs lie in `room`.
        source: the file to read. The child gets it as standard input and learns no path.
        room: a private directory, also for what the child prints.
        answer: what the child says when it has carried out such an order.
        timeout_seconds: wall-clock time until the child is killed.

    Raises:
        Refused: the file cannot be used, or it ended the child.
        DecoderBusy: the machine is too busy to start a child in time.
        PlatformError: the child does not work, or could not write.
        DependencyUnavailable: the template ended, and the child with it.
    """
    printed, complaints = room / "printed", room / "complaints"
    # Files instead of pipes: whatever the child prints counts against its own file size limit and
    # never fills our memory.
    with source.open("rb") as stdin, printed.open("wb") as stdout, complaints.open("wb") as stderr:
        exit_code = await _run(template, order, (stdin, stdout, stderr), timeout_seconds)
    text = _beginning(printed, _LONGEST_REPORT)
    complaint = f"exit code {exit_code}: {_beginning(complaints, _LONGEST_EXCERPT)}"
    if not text.startswith(READY):
        if exit_code is None:
            raise DecoderBusy(f"decoder not ready after {timeout_seconds} s")
        raise PlatformError(f"decoder, {complaint}")
    if exit_code is None:
        raise Refused(Refusal.TOO_SLOW, f"killed after {timeout_seconds} s")
    try:
        return _answer(_REPORT.validate_json(text.removeprefix(READY)), answer)
    except ValidationError:
        raise Refused(Refusal.FATAL, complaint) from None


def _answer(report: Report, answer: type[D]) -> D:
    if report.failed is not None:
        raise PlatformError(f"decoder: {report.failed[:_LONGEST_EXCERPT]}")
    if not isinstance(report.done, answer):
        raise Refused(report.refused or Refusal.FATAL, report.note[:_LONGEST_EXCERPT])
    return report.done


async def _run(
    template: Template, order: Order, files: Sequence[BinaryIO], timeout_seconds: float
) -> int | None:
    """The child's exit code (negative: the signal that ended it), or None if it was too late."""
    with template.fork(order_to_json(order), [file.fileno() for file in files]) as child:
        try:
            async with asyncio.timeout(timeout_seconds):
                return await child.exit_code()
        except TimeoutError:
            return None
        finally:
            await child.kill()


def _beginning(path: Path, length: int) -> str:
    with path.open("rb") as file:
        return file.read(length).decode(errors="replace")

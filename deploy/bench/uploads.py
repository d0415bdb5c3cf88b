"""By how much the largest upload raises the API, through its own door."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.limits import unlimited
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.photos import LARGE_MB, write_large_photo, write_photo
from deploy.bench.processes import Rise, rise_of
from deploy.bench.visitor import Visitor, visitor_of
from deploy.stack.running import running_stack

_SMALL_PIXELS = 64
_TIMES = 3


@dataclass(frozen=True)
class UploadReadings:
    """By how much each upload raised the API at its highest, MB.

    Attributes:
        small: of a tiny photo, before.
        large: of the largest.
        small_again: of a tiny photo, afterwards.
        resident: memory of the API before the large ones and after them.
    """

    small: list[float]
    large: list[float]
    small_again: list[float]
    resident: tuple[float, float]

    def row(self) -> Measure:
        """As a measure: the worst of each."""
        before, after = self.resident
        return Measure(
            "upload_memory",
            f"API: a {LARGE_MB} MB upload, peak over before",
            max(self.large),
            "MB",
            len(self.large),
            Limit.fixed("upload_memory"),
            Baseline("tiny upload", max(self.small), max(self.small_again)),
            note=f"{before:.1f} MB before, {after:.1f} after; the decoder is a process of its own",
        )


async def measure_uploads(folder: Path) -> list[Measure]:
    """Upload a tiny photo, the largest one, and the tiny one again, one after the other."""
    small, large = folder / "small.png", folder / "large.png"
    await asyncio.to_thread(write_photo, small, _SMALL_PIXELS)
    await asyncio.to_thread(write_large_photo, large)
    with running_stack(folder / "stack", settings=unlimited()) as stack:
        async with visitor_of(stack) as visitor:
            await visitor.uploads(small)  # the first one fills pools and caches
            before = await _rises(stack.api.pid, visitor, small)
            during = await _rises(stack.api.pid, visitor, large)
            again = await _rises(stack.api.pid, visitor, small)
    # Over what it was before any of them, so that what stays from one counts with the next.
    highest = [rise.peak - during[0].before for rise in during]
    return [
        UploadReadings(
            [rise.mb for rise in before],
            highest,
            [rise.mb for rise in again],
            (during[0].before, during[-1].after),
        ).row()
    ]


async def _rises(pid: int, visitor: Visitor, photo: Path) -> list[Rise]:
    rises = []
    for _ in range(_TIMES):
        with rise_of(pid) as rise:
            await visitor.uploads(photo)
        rises.append(rise)
    return rises

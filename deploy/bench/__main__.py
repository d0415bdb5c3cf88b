"""`python -m deploy.bench [PART ...]`: measure, print a table, write `out/bench.json`."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from deploy.bench.fanout import measure_fanout
from deploy.bench.machine import this_machine
from deploy.bench.measures import Measure
from deploy.bench.overhead import measure_overhead
from deploy.bench.restore_counts import measure_counts
from deploy.bench.slots import measure_slots
from deploy.bench.table import show, write
from deploy.bench.uploads import measure_uploads
from deploy.bench.waiting import measure_waiting

PARTS: dict[str, Callable[[Path], Awaitable[list[Measure]]]] = {
    "counts": measure_counts,
    "overhead": measure_overhead,
    "slots": measure_slots,
    "waiting": measure_waiting,
    "uploads": measure_uploads,
    "events": measure_fanout,
}


def main() -> None:
    """Run every part, or those that are named, each in a fresh folder of its own."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bench", description=main.__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="which; all by default")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), metavar="FILE")
    asked = parser.parse_args()
    machine = this_machine()  # before the load is our own
    measures: list[Measure] = []
    for name in asked.part or PARTS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="rekindle-bench-") as folder:
            measures += asyncio.run(_run(name, Path(folder)))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    show(measures, machine)
    write(measures, machine, asked.out)


async def _run(name: str, folder: Path) -> list[Measure]:
    return await PARTS[name](folder)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the interpreter's shutdown can crash in the Temporal SDK

"""`python -m deploy.bench [PART ...]`: measure, print a table, write `out/bench.json`."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine
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

PARTS: dict[str, Callable[[Path], Coroutine[None, None, list[Measure]]]] = {
    "counts": measure_counts,
    "overhead": measure_overhead,
    "slots": measure_slots,
    "waiting": measure_waiting,
    "uploads": measure_uploads,
    "events": measure_fanout,
}


def main() -> int:
    """Run every part, or those that are named, each in a fresh folder of its own.

    Returns:
        1 when a part broke off; the others are measured all the same.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy.bench", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="which; all by default")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), metavar="FILE")
    asked = parser.parse_args()
    machine = this_machine()  # before the load is our own
    measures: list[Measure] = []
    broken = 0
    for name in asked.part or PARTS:
        began = time.monotonic()
        try:
            measures += _measured(name)
        except Exception:
            traceback.print_exc()
            broken = 1
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    show(measures, machine)
    write(measures, machine, asked.out)
    return broken


def _measured(name: str) -> list[Measure]:
    with tempfile.TemporaryDirectory(prefix="rekindle-bench-") as folder:
        return asyncio.run(PARTS[name](Path(folder)))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the interpreter's shutdown can crash in the Temporal SDK

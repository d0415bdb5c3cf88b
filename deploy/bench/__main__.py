"""`python -m deploy.bench`: measure, print a table, write `out/bench.json`."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from deploy.bench.measures import Measure, show
from deploy.bench.overhead import measure_overhead
from deploy.bench.slots import measure_slots
from deploy.bench.waiting import measure_waiting


def main() -> None:
    """Run every part in a fresh folder of its own."""
    parts = {
        "overhead": measure_overhead,
        "slots": measure_slots,
        "waiting": measure_waiting,
    }
    parser = argparse.ArgumentParser(prog="python -m deploy.bench", description=main.__doc__)
    parser.add_argument("part", nargs="*", choices=[*parts, []], help="which; all by default")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), metavar="FILE")
    asked = parser.parse_args()
    measures: list[Measure] = []
    for name in asked.part or parts:
        with tempfile.TemporaryDirectory(prefix="rekindle-bench-") as folder:
            measures += asyncio.run(parts[name](Path(folder)))
    show(measures, asked.out)


if __name__ == "__main__":
    main()

"""`python -m deploy.bench [PART ...]`: measure, print a table, write `out/bench.json`."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path

from deploy.bench.api_beside_uploads import measure_beside_uploads
from deploy.bench.api_speed import measure_api
from deploy.bench.crowd import measure_crowd
from deploy.bench.fanout import measure_fanout
from deploy.bench.first_job import measure_first_job
from deploy.bench.fleet import FleetForm, measure_fleet
from deploy.bench.machine import this_machine
from deploy.bench.measures import Measure
from deploy.bench.overhead import measure_overhead
from deploy.bench.overlap import measure_overlap
from deploy.bench.paid_first import measure_paid_first
from deploy.bench.restore_counts import measure_counts
from deploy.bench.slots import measure_slots
from deploy.bench.table import show, write
from deploy.bench.uploads import measure_uploads
from deploy.bench.waiting import measure_waiting
from deploy.bench.webhooks import measure_webhooks

Part = Callable[[Path], Coroutine[None, None, list[Measure]]]
PARTS: dict[str, Part] = {
    "counts": measure_counts,
    "overhead": measure_overhead,
    "slots": measure_slots,
    "waiting": measure_waiting,
    "uploads": measure_uploads,
    "events": measure_fanout,
    "crowd": measure_crowd,
    "webhooks": measure_webhooks,
    "api": measure_api,
    "api_uploads": measure_beside_uploads,
    "first_job": measure_first_job,
    "paid_first": measure_paid_first,
    "overlap": measure_overlap,
    "fleet": measure_fleet,
}


def main() -> int:
    """Run every part, or those that are named, each in a fresh folder of its own.

    Returns:
        1 when a part broke off; the others are measured all the same.
    """
    asked = _parser().parse_args()
    parts = PARTS | {"fleet": partial(measure_fleet, form=_form(asked))}
    machine = this_machine()  # before the load is our own
    measures: list[Measure] = []
    broken = 0
    for name in asked.part or parts:
        began = time.monotonic()
        try:
            measures += _measured(parts[name])
        except Exception:
            traceback.print_exc()
            broken = 1
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    show(measures, machine)
    write(measures, machine, asked.out)
    return broken


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.bench", description=__doc__)
    add = parser.add_argument
    add("part", nargs="*", choices=[*PARTS, []], help="which; all by default")
    add("--out", type=Path, default=Path("out/bench.json"), metavar="FILE")
    fleet = parser.add_argument_group("fleet", "how large that part is")
    add = fleet.add_argument
    add("--full", action="store_true", help="as the goals are meant: minutes, on a quiet machine")
    add("--pods", type=int, metavar="N")
    add("--renders", type=int, metavar="N", help="started at once")
    add("--seconds", type=float, metavar="S", help="of each on its pod")
    return parser


def _form(asked: argparse.Namespace) -> FleetForm:
    given = {name: getattr(asked, name) for name in ("pods", "renders", "seconds")}
    form = FleetForm.full() if asked.full else FleetForm()
    return replace(form, **{name: value for name, value in given.items() if value is not None})


def _measured(part: Part) -> list[Measure]:
    with tempfile.TemporaryDirectory(prefix="rekindle-bench-") as folder:
        return asyncio.run(part(Path(folder)))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the interpreter's shutdown can crash in the Temporal SDK

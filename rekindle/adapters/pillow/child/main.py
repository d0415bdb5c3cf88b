"""One order: limit ourselves, open everything, lock the door behind us, then touch the file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from .confinement import confine, end_with_parent, limit_resources
from .order import (
    READY,
    Done,
    IngestOrder,
    Order,
    Refusal,
    Refused,
    Report,
    order_from_json,
)


def main(argument: str) -> None:
    """Carry an order out and print the report.

    Args:
        argument: the order as JSON.
    """
    order = order_from_json(argument)
    end_with_parent()
    limit_resources(max_pixels=order.max_pixels, cpu_seconds=order.cpu_seconds)
    work = _prepare(order)
    confine()
    sys.stdout.write(READY)
    sys.stdout.flush()
    sys.stdout.write(_carry_out(work).to_json())
    sys.stdout.flush()


def _prepare(order: Order) -> Callable[[], Done]:
    """Import and open what the order needs: afterwards no file can be opened any more."""
    source = open(0, "rb", closefd=False)  # noqa: SIM115
    if isinstance(order, IngestOrder):
        from .ingest import ingest

        return partial(ingest, order, source, open(order.working, "xb"))
    from .derive import derive

    return partial(derive, order, source, open(order.preview, "xb"), open(order.thumbnail, "xb"))


def _carry_out(work: Callable[[], Done]) -> Report:
    try:
        return Report(done=work())
    except Refused as refused:
        return Report(refused=refused.refusal, note=refused.note)
    except MemoryError:
        return Report(refused=Refusal.OUT_OF_MEMORY)
    except Exception as error:
        return Report(failed=repr(error))

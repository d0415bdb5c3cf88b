"""`rekindle costs`."""

import asyncio
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.bills import BillsBy, bills_document, read_bills, show_bills
from deploy.cli.margins import margins_document, read_margins, show_margins
from deploy.cli.operating import OperatorDataOption, open_transaction, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import dollars, duration, exact, percent, print_period, print_table

if TYPE_CHECKING:
    from decimal import Decimal

    from rekindle.rules.costs import Costs
    from rekindle.store.costs import CostReport

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=3650)


class By(StrEnum):
    """What the costs are told apart by.

    The values are those of `rekindle.store.costs.Heading`, and `order`, which tells margins.
    """

    ATTEMPT = "attempt"
    POD = "pod"
    DAY = "day"
    CLASS = "class"
    GRAPH = "graph"
    ORDER = "order"


def _length(text: str) -> timedelta:
    """A length of time such as `90m`, `12h`, `7d` or `2w`."""
    found = re.fullmatch(r"([1-9]\d{0,5})([mhdw])", text.strip())
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if length is None or length > _LONGEST:
        raise typer.BadParameter("a number and m, h, d or w, such as 12h or 7d; at most ten years")
    return length


def costs(
    since: Annotated[
        timedelta,
        typer.Option(metavar="LENGTH", parser=_length, help="How far back: 90m, 12h, 7d, 2w."),
    ] = "7d",  # type: ignore[assignment]  # the parser's input
    by: Annotated[By, typer.Option(help="What to tell the costs apart by.")] = By.CLASS,
    bills: Annotated[
        bool,
        typer.Option("--bills", help="Lay the cloud's bill beside our ledger: by pod, day, class."),
    ] = False,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what GPUs cost: seconds and price of work, and of the pods it ran on.

    Work counts when its try ended; pods count for the part of their life within that time. By
    order: what each order that was paid within it brought, and what its GPU time cost.
    """
    billed_by = _bills_by(by) if bills else None
    with reported(as_json=as_json):
        if billed_by is not None:
            beside = asyncio.run(read_bills(since, billed_by, data))
            if as_json:
                answer_json(bills_document(beside))
            else:
                show_bills(beside)
            return
        if by is By.ORDER:
            period, margins = asyncio.run(read_margins(since, data))
            if as_json:
                answer_json(margins_document(period, margins))
            else:
                show_margins(period, margins)
            return
        report = asyncio.run(_read(since, by, data))
        if as_json:
            answer_json(_document(report, by))
        else:
            _show(report, by)


def _bills_by(by: By) -> BillsBy:
    try:
        return BillsBy(by.value)
    except ValueError:
        known = ", ".join(BillsBy)
        raise typer.BadParameter(f"bills are told apart by {known}", param_hint="--by") from None


async def _read(since: timedelta, by: By, data: Path | None) -> "CostReport":
    from rekindle.store.costs import Heading, report

    async with open_transaction(operator_settings(data)) as session:
        return await report(session, since, Heading(by.value))


def _document(report: "CostReport", by: By) -> dict[str, Any]:
    return {
        "since": report.period.begin.isoformat(),
        "until": report.period.end.isoformat(),
        "by": by.value,
        "total": _entry(report.total),
        "groups": [_entry(costs) for costs in report.groups],
    }


def _entry(costs: "Costs") -> dict[str, Any]:
    """One heading: seconds and shares are numbers, exact money is text."""
    work, pods = costs.work, costs.pods
    return {
        "name": costs.name,
        "tries": work.tries,
        "attempts": work.attempts,
        "delivered": work.delivered,
        "gpu_seconds": _number(work.gpu_seconds),
        "wasted_gpu_seconds": _number(work.wasted_seconds),
        "work_usd": exact(work.usd),
        "pod_seconds": _number(pods.seconds if pods else None),
        "boot_seconds": _number(pods.boot_seconds if pods else None),
        "idle_seconds": _number(costs.idle_seconds),
        "pods_usd": exact(pods.usd if pods else None),
        "busy_ratio": _number(costs.busy_ratio),
        "boot_share": _number(costs.boot_share),
        "idle_share": _number(costs.idle_share),
        "usd_per_delivered": exact(costs.usd_per_delivered),
    }


def _number(value: "Decimal | None") -> float | None:
    return None if value is None else round(float(value), 6)


_WORK = ("delivered", "tries", "GPU time", "wasted", "work")
_PODS = ("pods", "boot", "idle", "busy", "paid")


def _show(report: "CostReport", by: By) -> None:
    print_period(report.period)
    if not report.groups and not report.total.work.tries:
        typer.echo("No pod was rented and nothing was rendered.")
        return
    with_pods = any(costs.pods is not None for costs in report.groups)
    headings = (by.value, *_WORK, *(_PODS if with_pods else ()), "each")
    rows = [_row(costs, with_pods=with_pods) for costs in (*report.groups, report.total)]
    print_table(headings, rows)
    pods = report.total.pods
    if not with_pods and pods is not None:
        typer.echo(
            f"\nPods: {duration(pods.seconds)} for {dollars(pods.usd)}, "
            f"boot {percent(report.total.boot_share)}, idle {percent(report.total.idle_share)}, "
            f"busy {percent(report.total.busy_ratio)}."
        )


def _row(costs: "Costs", *, with_pods: bool) -> tuple[str, ...]:
    work, pods = costs.work, costs.pods
    of_pods = (
        duration(pods.seconds if pods else None),
        percent(costs.boot_share),
        percent(costs.idle_share),
        percent(costs.busy_ratio),
        dollars(pods.usd if pods else None),
    )
    return (
        costs.name,
        f"{work.delivered} of {work.attempts}",
        str(work.tries),
        duration(work.gpu_seconds),
        duration(work.wasted_seconds),
        dollars(work.usd),
        *(of_pods if with_pods else ()),
        dollars(costs.usd_per_delivered),
    )

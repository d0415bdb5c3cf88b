"""`rekindle costs --bills`: our ledger beside what the cloud billed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deploy.cli.operating import open_database, operator_settings
from deploy.cli.pods.account import open_account
from deploy.cli.units import NONE, dollars, exact, print_period, print_table

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import PodBill
    from rekindle.rules.bills import Beside, Billed
    from rekindle.rules.costs import Period, PodLife


class BillsBy(StrEnum):
    """What a bill can be told apart by."""

    POD = "pod"
    DAY = "day"
    CLASS = "class"


@dataclass(frozen=True)
class BillsReport:
    """A period's ledger beside its bills.

    Attributes:
        strangers: the account's pods that are not in our ledger.
    """

    period: "Period"
    by: BillsBy
    total: "Beside"
    groups: "tuple[Beside, ...]"
    strangers: "Beside | None"


async def read_bills(since: timedelta, by: BillsBy, data: Path | None) -> BillsReport:
    """Lay them side by side, from the beginning of the hour in which the period begins.

    Raises:
        SettingsInvalid: there is no key of the account.
        Unreachable, CloudSaysNo: the cloud does not tell its bills.
    """
    from rekindle.rules import bills as rules
    from rekindle.rules.costs import Period
    from rekindle.store.bills import pods_by_cloud_id
    from rekindle.store.costs import now, pod_lives

    settings = operator_settings(data)
    async with open_account(settings) as cloud, open_database(settings) as database:
        async with database.transaction() as session:
            period = rules.whole_hours(Period.last(since, await now(session)))
        rows = [b for b in await cloud.bills(since=period.begin) if b.starts_at < period.end]
        async with database.transaction() as session:
            pods = await pod_lives(session, period)
            named = await pods_by_cloud_id(session, {row.cloud_id for row in rows})
    billed = [_billed(row, named.get(row.cloud_id)) for row in rows]
    groups = {BillsBy.DAY: rules.by_day, BillsBy.POD: rules.by_pod, BillsBy.CLASS: rules.by_class}
    strange = [bill for bill in billed if bill.pod is None]
    return BillsReport(
        period=period,
        by=by,
        total=rules.total(pods, billed, period),
        groups=groups[by](pods, billed, period),
        strangers=rules.stranger("others", strange) if strange else None,
    )


def bills_document(report: BillsReport) -> dict[str, Any]:
    """The report as JSON: exact money is text."""
    return {
        "since": report.period.begin.isoformat(),
        "until": report.period.end.isoformat(),
        "by": report.by.value,
        "total": _entry(report.total),
        "others": _entry(report.strangers) if report.strangers else None,
        "groups": [_entry(each) for each in report.groups],
    }


def show_bills(report: BillsReport) -> None:
    """Print the report as a table."""
    print_period(report.period)
    rows: Sequence[Beside] = (*report.groups, report.total)
    if report.by is not BillsBy.POD and report.strangers:
        rows = (*rows, report.strangers)
    print_table(
        (report.by.value, "ledger", "billed for GPUs", "difference", "billed for disks", ""),
        [_row(each) for each in rows],
    )
    if not all(each.is_settled for each in rows):
        typer.echo("\nopen: rows of the bill come up to an hour late, so some are to come.")
    if report.strangers:
        typer.echo(
            "\nThe bill names pods that are not in our ledger: rented by hand, or elsewhere."
        )


def _billed(row: "PodBill", pod: "PodLife | None") -> "Billed":
    from rekindle.rules.bills import Billed

    return Billed(pod, row.cloud_id, row.starts_at, row.gpu_usd, row.usd - row.gpu_usd)


def _entry(each: "Beside") -> dict[str, Any]:
    return {
        "name": each.name,
        "ledger_usd": _money(each.ledger_usd),
        "billed_gpu_usd": _money(each.gpu_usd),
        "billed_other_usd": _money(each.other_usd),
        "difference_usd": _money(each.difference_usd),
        "is_settled": each.is_settled,
    }


def _money(usd: Decimal | None) -> str | None:
    return None if usd is None else exact(_rounded(usd))


def _rounded(usd: Decimal) -> Decimal:
    """To a millionth: bills come as binary fractions, and there is no negative nothing."""
    return round(usd, 6) or Decimal(0)


def _row(each: "Beside") -> tuple[str, ...]:
    difference = _rounded(each.difference_usd)
    sign = "-" if difference < 0 else "+"
    return (
        each.name,
        NONE if each.ledger_usd is None else dollars(each.ledger_usd),
        dollars(each.gpu_usd),
        f"{sign}{dollars(abs(difference))}",
        dollars(each.other_usd),
        "" if each.is_settled else "open",
    )

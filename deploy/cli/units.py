"""Times, money and shares in words, and tables that nothing is cut out of."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rekindle.rules.costs import Period

NONE = "-"
_WIDE = 10_000
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def duration(seconds: float | Decimal | None) -> str:
    """A length of time: `0.4 s`, `12 min 05 s`, `3 h 07 min`, `2 d 04 h`."""
    if seconds is None:
        return NONE
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02} h"


def iso(moment: datetime | None) -> str | None:
    """A moment for JSON."""
    return None if moment is None else moment.isoformat()


def short(moment: datetime | None) -> str:
    """A moment for a table."""
    return NONE if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def dollars(usd: Decimal | None) -> str:
    """US dollars: to the cent, or to four digits below one dollar."""
    if usd is None:
        return NONE
    return f"${usd:.2f}" if usd >= 1 or not usd else f"${usd:.4f}"


def exact(usd: Decimal | float | None) -> str | None:
    """US dollars to a millionth, for JSON: there, exact money is text."""
    return None if usd is None else f"{usd:.6f}"


def percent(share: Decimal | None) -> str:
    """A share of 0..1."""
    return NONE if share is None else f"{share:.1%}"


def print_period(period: "Period") -> None:
    """Print from when to when, as the heading of what follows."""
    typer.echo(f"{period.begin:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table. On a narrow terminal its lines are long rather than cut."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False, width=_WIDE).print(table)


def counted(count: int, noun: str) -> str:
    """How many of something: `1 order`, `2 orders`, `no orders`."""
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"

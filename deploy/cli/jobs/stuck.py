"""`rekindle jobs stuck`."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.operating import (
    OperatorDataOption,
    connect_temporal,
    open_transaction,
    operator_settings,
)
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, notes, reported
from deploy.cli.units import NONE, counted, duration, print_table

if TYPE_CHECKING:
    from deploy.cli.jobs.workflow_states import WorkflowState
    from rekindle.models import Order
    from rekindle.settings import Settings
    from rekindle.store.stuck import Stuck, StuckAttempt


@dataclass(frozen=True)
class _Report:
    found: "Stuck"
    workflows: "dict[str, WorkflowState]"

    @property
    def count(self) -> int:
        return len(self.found.attempts) + len(self.found.orders)


def stuck(
    minutes: Annotated[
        int, typer.Option(min=1, max=100_000, help="Nothing was heard of it for so long.")
    ] = 15,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show attempts and orders that are not over and stand still, and how their workflows are.

    Changes nothing. Exit code: 0 when there are none, 1 when there are some.
    """
    with reported(as_json=as_json):
        report = asyncio.run(_read(timedelta(minutes=minutes), data))
        if as_json:
            answer_json(_document(report, minutes))
        else:
            _show(report, minutes)
        if report.count:
            raise typer.Exit(1)


async def _read(pause: timedelta, data: Path | None) -> _Report:
    from deploy.cli.jobs.workflow_states import states
    from rekindle.store.stuck import stuck

    settings = operator_settings(data)
    async with open_transaction(settings) as session:
        found = await stuck(session, pause)
    ids = [_render(each) for each in found.attempts] + [_order(each) for each in found.orders]
    return _Report(found, await states(await _temporal(settings), ids) if ids else {})


async def _temporal(settings: "Settings") -> Any:
    """A client; None where no Temporal answers: the rows are worth seeing even so."""
    from rekindle.errors import WorkflowsUnavailable

    try:
        return await connect_temporal(settings)
    except WorkflowsUnavailable as error:
        notes.print(f"Temporal at {settings.temporal_address} does not answer: {error}")
        return None


def _render(each: "StuckAttempt") -> str:
    from rekindle.contracts.renders import workflow_id

    return workflow_id(each.attempt.id)


def _order(order: "Order") -> str:
    from rekindle.contracts.orders import workflow_id

    return workflow_id(order.id)


def _document(report: _Report, minutes: int) -> dict[str, Any]:
    return {
        "status": "stuck" if report.count else "moving",
        "minutes": minutes,
        "at": report.found.at.isoformat(),
        "attempts": [
            {
                "id": str(each.attempt.id),
                "job_id": str(each.attempt.job_id),
                "kind": each.attempt.kind,
                "graph": each.attempt.graph,
                "gpu_class": each.attempt.gpu_class,
                "is_paid": each.attempt.order_id is not None,
                "status": each.attempt.status,
                "stage": each.attempt.stage,
                "pod_id": each.attempt.pod_id,
                "touched_at": each.touched_at.isoformat(),
                "workflow": _workflow(report, _render(each)),
            }
            for each in report.found.attempts
        ],
        "orders": [
            {
                "id": str(order.id),
                "job_id": str(order.job_id) if order.job_id else None,
                "attempt_id": str(order.attempt_id) if order.attempt_id else None,
                "status": order.status,
                "hd": order.hd,
                "touched_at": order.updated_at.isoformat(),
                "workflow": _workflow(report, _order(order)),
            }
            for order in report.found.orders
        ],
    }


def _workflow(report: _Report, workflow_id: str) -> dict[str, Any]:
    state = report.workflows[workflow_id]
    return {
        "id": workflow_id,
        "status": state.status,
        "waits_for": list(state.waits_for),
        "last_failure": state.last_failure,
    }


def _show(report: _Report, minutes: int) -> None:
    if not report.count:
        typer.echo(f"Nothing stands still for {minutes} minutes or longer.")
        return
    found = report.found
    rows = [
        *(_order_row(report, order) for order in found.orders),
        *(_attempt_row(report, each) for each in found.attempts),
    ]
    headings = ("workflow", "stands at", "where", "silent for", "is", "waits for", "last failure")
    print_table(headings, rows)
    typer.echo(
        f"\n{counted(len(found.orders), 'order')} and {counted(len(found.attempts), 'attempt')}. "
        "What to do about them is in docs/operators.md."
    )


def _attempt_row(report: _Report, each: "StuckAttempt") -> tuple[str, ...]:
    attempt = each.attempt
    at = f"{attempt.status}, {attempt.stage}" if attempt.stage else attempt.status
    paid = " (paid)" if attempt.order_id else ""
    where = attempt.pod_id or attempt.gpu_class
    return _row(report, _render(each), at + paid, where, each.touched_at)


def _order_row(report: _Report, order: "Order") -> tuple[str, ...]:
    return _row(report, _order(order), f"{order.status}, HD {order.hd}", NONE, order.updated_at)


def _row(
    report: _Report, workflow_id: str, at: str, where: str, touched_at: datetime
) -> tuple[str, ...]:
    state = report.workflows[workflow_id]
    return (
        workflow_id,
        at,
        where,
        duration((report.found.at - touched_at).total_seconds()),
        state.status,
        "; ".join(state.waits_for) or NONE,
        state.last_failure or NONE,
    )

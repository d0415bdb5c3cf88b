"""The commands `rekindle schedules ...`: what runs by the clock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from deploy.cli.failures import CommandFailed
from deploy.cli.groups import command_group
from deploy.cli.operating import OperatorDataOption, connect_temporal, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import NONE, duration, iso, print_table, short

if TYPE_CHECKING:
    from rekindle.ports.schedules import PlannedSchedule, Schedules, ScheduleStatus

    Found = list[tuple[PlannedSchedule, ScheduleStatus | None]]

app = command_group("schedules", "See and steer what runs by the clock.")
Result = TypeVar("Result")
NameArgument = Annotated[
    str | None, typer.Argument(metavar="NAME", help="One schedule; all by default.")
]
NoteOption = Annotated[str, typer.Option(help="Why, for whoever looks at it next.", metavar="TEXT")]


class NoSuchSchedule(CommandFailed):
    """A schedule that was named is not known, or was never applied."""

    code = "no_such_schedule"


@app.command("list")
def list_schedules(data: OperatorDataOption = None, as_json: JsonOption = False) -> None:
    """List the schedules: how often they run, when they ran last, whether they are paused."""
    with reported(as_json=as_json):
        found = _run(data, _statuses)
        if as_json:
            answer_json({"schedules": [_entry(*each) for each in found]})
        else:
            headings = ("schedule", "every", "state", "runs", "last run", "next run")
            print_table(headings, [_row(*each) for each in found])


@app.command()
def apply(
    name: NameArgument = None, data: OperatorDataOption = None, as_json: JsonOption = False
) -> None:
    """Make the schedules what the settings say. A paused one stays paused."""

    async def applied(schedules: "Schedules", each: "PlannedSchedule") -> str:
        return (await schedules.apply(each)).value

    _command(name, data, as_json, applied)


@app.command()
def pause(
    name: NameArgument = None,
    note: NoteOption = "",
    resume: Annotated[bool, typer.Option("--resume", help="The opposite: go on.")] = False,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have schedules start nothing more. Pods that are there keep being served.

    Without a NAME the sweep is paused as well, which finds payments whose announcement was lost.
    """

    async def paused(schedules: "Schedules", each: "PlannedSchedule") -> str:
        said = note or f"{'resumed' if resume else 'paused'} by an operator"
        change = schedules.resume if resume else schedules.pause
        _demand(each, await change(each.name, said))
        return "resumed" if resume else "paused"

    _command(name, data, as_json, paused)


@app.command("resume")
def resume_schedules(
    name: NameArgument = None,
    note: NoteOption = "",
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have paused schedules go on. What was missed is not made up for."""
    pause(name, note, resume=True, data=data, as_json=as_json)


@app.command()
def trigger(
    name: NameArgument = None, data: OperatorDataOption = None, as_json: JsonOption = False
) -> None:
    """Run schedules once now, paused or not, unless a run is under way."""

    async def triggered(schedules: "Schedules", each: "PlannedSchedule") -> str:
        _demand(each, await schedules.trigger(each.name))
        return "triggered"

    _command(name, data, as_json, triggered)


Act = Callable[["Schedules", "PlannedSchedule"], Awaitable[str]]


def _command(name: str | None, data: Path | None, as_json: bool, act: Act) -> None:
    """Do something to one schedule or to all, and tell what became of each."""

    async def done(schedules: "Schedules") -> dict[str, str]:
        return {each.name: await act(schedules, each) for each in _chosen(schedules, name)}

    with reported(as_json=as_json):
        told = _run(data, done)
        if as_json:
            answer_json({"schedules": [{"name": n, "result": r} for n, r in told.items()]})
        else:
            for each, result in told.items():
                typer.echo(f"{each}: {result}")


def _chosen(schedules: "Schedules", name: str | None) -> "Sequence[PlannedSchedule]":
    chosen = [each for each in schedules.planned if name in (None, each.name)]
    if not chosen:
        known = ", ".join(each.name for each in schedules.planned)
        raise NoSuchSchedule(f"There is no schedule {name}. There are: {known}.")
    return chosen


def _demand(each: "PlannedSchedule", was_there: bool) -> None:
    if not was_there:
        raise NoSuchSchedule(f"{each.name} was never applied: run `rekindle schedules apply`.")


def _run(data: Path | None, use: "Callable[[Schedules], Awaitable[Result]]") -> "Result":
    async def connected() -> "Result":
        from rekindle.adapters.schedules import TemporalSchedules, planned

        settings = operator_settings(data)
        return await use(TemporalSchedules(await connect_temporal(settings), planned(settings)))

    return asyncio.run(connected())


async def _statuses(schedules: "Schedules") -> "Found":
    return [(each, await schedules.status(each.name)) for each in schedules.planned]


def _entry(planned: "PlannedSchedule", status: "ScheduleStatus | None") -> dict[str, Any]:
    """One schedule; what nobody applied has only its plan."""
    found = {} if status is None else asdict(status)
    return {
        "name": planned.name,
        "workflow": planned.workflow,
        "task_queue": planned.task_queue,
        "planned_every_seconds": planned.every_seconds,
        "applied": status is not None,
        **{name: found.get(name) for name in ("every_seconds", "paused", "note", "runs")},
        **{name: found.get(name) for name in ("left_out", "running")},
        "last_at": iso(status.last_at if status else None),
        "next_at": iso(status.next_at if status else None),
    }


def _row(planned: "PlannedSchedule", status: "ScheduleStatus | None") -> tuple[str, ...]:
    if status is None:
        return planned.name, duration(planned.every_seconds), "not applied", NONE, NONE, NONE
    state = "paused" if status.paused else "running"
    return (
        status.name,
        duration(status.every_seconds),
        f"{state} ({status.note})" if status.note else state,
        str(status.runs),
        short(status.last_at),
        NONE if status.paused else short(status.next_at),
    )

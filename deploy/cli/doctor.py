"""`rekindle doctor`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.operating import require_stack
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported
from deploy.cli.settings import read_settings

if TYPE_CHECKING:
    from deploy.doctor.finding import Finding
    from rekindle.settings import Settings


def doctor(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Check the running `rekindle dev` of that folder."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Longest wait for each answer, seconds.")
    ] = 15.0,
    as_json: JsonOption = False,
) -> None:
    """Check every setting and everything they name, and say how to mend what lacks.

    Exit code 1 when something that is needed is missing.
    """
    from deploy.doctor.finding import Verdict

    with reported(as_json=as_json), asyncio.Runner() as runner:
        findings = runner.run(_examine(data, timeout))
        healthy = all(finding.verdict is not Verdict.MISSING for finding in findings)
        # Shown before the runner closes, which waits for threads that nobody answers.
        if as_json:
            answer_json({"healthy": healthy, "findings": [vars(finding) for finding in findings]})
        else:
            _show(findings, healthy=healthy)
        if not healthy:
            raise typer.Exit(1)


async def _examine(data: Path | None, timeout: float) -> list["Finding"]:
    from deploy.doctor import checkup
    from deploy.doctor.finding import examine, missing
    from deploy.doctor.secrets import without_secrets
    from rekindle.errors import SettingsInvalid

    running = None if data is None else require_stack(data)
    checks = [*checkup.of_machine(with_ports=running is None), *checkup.of_environment()]
    unreadable: list[Finding] = []
    settings: Settings | None = None
    try:
        settings = _settings(data)
        checks += checkup.of_services(settings)
    except SettingsInvalid as error:
        unreadable = [missing("settings", str(error), "Correct them; then the rest is checked.")]
    if running is not None:
        checks += checkup.of_api(running.api)
    findings = await examine(checks, timeout=timeout)
    return without_secrets([*findings, *unreadable], settings)


def _settings(data: Path | None) -> "Settings":
    from deploy.stack.running import settings_of_running

    given = read_settings()
    return given if data is None else settings_of_running(data, given)


def _show(findings: list["Finding"], *, healthy: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"good": "green", "warning": "yellow", "missing": "red"}
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        text = Text(finding.found, overflow="fold")
        if finding.mend:
            text.append(f"\n-> {finding.mend}", style="bold")
        verdict = Text(finding.verdict, style=colours[finding.verdict])
        table.add_row(verdict, Text(finding.subject, no_wrap=True), text)
    console = Console(highlight=False)
    console.print(table)
    console.print("\nAll that is needed is there." if healthy else "\nSomething needed is missing.")

"""Collects the commands."""

import typer

from deploy.cli.jobs import stuck

app = typer.Typer(
    name="jobs", help="See work that stands still.", no_args_is_help=True, add_completion=False
)
app.command()(stuck.stuck)


@app.callback()
def _group() -> None:
    """One command alone would stand for the whole group."""

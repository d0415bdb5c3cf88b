"""Collects the commands."""

import typer

from deploy.cli.fleet import drain, status

app = typer.Typer(
    name="fleet",
    help="See what the rented GPUs do and cost, and have them drained.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(status.status)
app.command()(drain.drain)

"""Collects the commands."""

from deploy.cli.groups import command_group
from deploy.cli.jobs import stuck

app = command_group("jobs", "See work that stands still.")
app.command()(stuck.stuck)


@app.callback()
def _group() -> None:
    """One command alone would stand for the whole group."""

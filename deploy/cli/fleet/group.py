"""Collects the commands."""

from deploy.cli.fleet import drain, status
from deploy.cli.groups import command_group

app = command_group("fleet", "See what the rented GPUs do and cost, and have them drained.")
app.command()(status.status)
app.command()(drain.drain)

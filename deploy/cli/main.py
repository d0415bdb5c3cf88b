"""The console script: collects the commands."""

import typer

from deploy.cli import (
    animate,
    bucket,
    cancel,
    costs,
    delete,
    demo,
    dev,
    doctor,
    gpus,
    keys,
    lab,
    migrate,
    restore,
    schedules,
    sessions,
    settings,
    status,
    token,
    volumes,
    webhooks,
)
from deploy.cli.comfy import group as comfy
from deploy.cli.fleet import group as fleet
from deploy.cli.graphs import group as graphs
from deploy.cli.jobs import group as jobs
from deploy.cli.leaving import leaving
from deploy.cli.orders import group as orders
from deploy.cli.pods import group as pods

app = typer.Typer(
    name="rekindle",
    help="Restores old photos.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # a picture of local variables may show a secret
)
for command in (
    demo.demo,
    dev.dev,
    restore.restore,
    animate.animate,
    status.status,
    cancel.cancel,
    delete.delete,
    delete.undelete,
    token.token,
    migrate.migrate,
    settings.settings,
    doctor.doctor,
    costs.costs,
    gpus.gpus,
    volumes.volumes,
    lab.lab,
):
    app.command()(command)
for group in (
    keys.app,
    sessions.app,
    comfy.app,
    graphs.app,
    fleet.app,
    schedules.app,
    pods.app,
    bucket.app,
    orders.app,
    webhooks.app,
    jobs.app,
):
    app.add_typer(group)


def run() -> None:
    """What the console script calls."""
    with leaving():
        app()

"""Collects the commands."""

import typer

from deploy.cli.pods import info, launch, listing, terminate, wait

app = typer.Typer(
    name="pods", help="Rent GPU pods by hand.", no_args_is_help=True, add_completion=False
)
app.command()(launch.launch)
app.command("list")(listing.list_pods)
for command in (info.info, wait.wait, terminate.terminate):
    app.command()(command)

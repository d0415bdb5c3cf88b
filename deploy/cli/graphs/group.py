"""Collects the commands."""

import typer

from deploy.cli.graphs import check, listing, show

app = typer.Typer(
    name="graphs",
    help="See the installed graph packs, and check them against a server.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("list")(listing.list_packs)
app.command()(show.show)
app.command()(check.check)

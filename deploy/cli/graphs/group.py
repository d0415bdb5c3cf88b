"""Collects the commands."""

from deploy.cli.graphs import check, listing, show
from deploy.cli.groups import command_group

app = command_group("graphs", "See the installed graph packs, and check them against a server.")
app.command("list")(listing.list_packs)
app.command()(show.show)
app.command()(check.check)

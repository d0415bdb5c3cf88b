"""Collects the commands."""

from deploy.cli.groups import command_group
from deploy.cli.pods import info, launch, listing, terminate, wait

app = command_group("pods", "Rent GPU pods by hand.")
app.command()(launch.launch)
app.command("list")(listing.list_pods)
for command in (info.info, wait.wait, terminate.terminate):
    app.command()(command)

"""Collects the commands."""

from deploy.cli.groups import command_group
from deploy.cli.orders import audit, listing, refund, show, wake

app = command_group("orders", "See what was bought, audit the money, give it back.")
app.command("list")(listing.list_orders)
app.command()(show.show)
app.command()(audit.audit)
app.command()(refund.refund)
app.command()(wake.wake)

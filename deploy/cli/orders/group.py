"""Collects the commands."""

import typer

from deploy.cli.orders import audit, listing, refund, show, wake

app = typer.Typer(
    name="orders",
    help="See what was bought, audit the money, give it back.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("list")(listing.list_orders)
app.command()(show.show)
app.command()(audit.audit)
app.command()(refund.refund)
app.command()(wake.wake)

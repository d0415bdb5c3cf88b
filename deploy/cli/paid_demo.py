"""What `rekindle demo --paid` does after restoring: animates, and buys HD."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deploy.cli.buying import Purchase, buy_hd
from deploy.cli.client import Attempt
from deploy.cli.connection import open_api
from deploy.cli.failures import NotConnected
from deploy.cli.following import animate_restoration
from deploy.cli.operating import open_database, open_payments
from deploy.cli.orders.describing import money
from deploy.cli.reporting import notes

if TYPE_CHECKING:
    from deploy.cli.orders.auditing import Audit
    from deploy.stack.stack import Stack
    from rekindle.settings import Settings

_CLIP: dict[str, Any] = {"graph": "animate_classic", "motion": "push_in", "seconds": 2, "fps": 24}


def buy_all(stack: "Stack", restoration: Attempt, folder: Path) -> dict[str, Any]:
    """Animate a restoration, and buy the HD of both.

    Args:
        stack: runs, with a simulated account.
        restoration: succeeded.
        folder: for the files.

    Raises:
        NotConnected: the stack takes real money.
        CommandFailed: something of it did not come about.
    """
    if stack.stripe is None:
        raise NotConnected("With a STRIPE_SECRET_KEY set, the demo buys nothing.")
    began = time.monotonic()
    with open_api(None, None, stack.data) as client:
        notes.print("Animating it:")
        animation = animate_restoration(client, restoration.job_id, _CLIP)
        preview = folder / "animation_preview.mp4"
        client.download(animation.document["preview_url"], preview)
        notes.print("Buying both in HD:")
        bought = [
            buy_hd(client, restoration, folder / "hd.png"),
            buy_hd(client, animation, folder / "animation_hd.mp4"),
        ]
    found = asyncio.run(_audited(stack.settings))
    return {
        "animation_id": animation.id,
        "animation_preview": str(preview),
        "orders": [_told(each) for each in bought],
        "audit": {
            "orders": found.orders,
            "payments": found.payments,
            "differences": [each.kind.value for each in found.differences],
        },
        "seconds": round(time.monotonic() - began, 2),
    }


def show(paid: dict[str, Any]) -> None:
    """Print what was bought, and what the audit says."""
    typer.echo(f"\nAnimated, watermarked  {paid['animation_preview']}")
    for order in paid["orders"]:
        price = money(order["amount"], order["currency"])
        typer.echo(f"HD for {price:<15} {order['hd']} ({order['bytes'] / 1e6:.1f} MB)")
    audit = paid["audit"]
    differences = ", ".join(audit["differences"]) or "none"
    typer.echo(
        f"Audit of {audit['orders']} orders beside {audit['payments']} payments: "
        f"differences {differences}.\n"
        f"Animated, paid, delivered and audited in {paid['seconds']} s."
    )


async def _audited(settings: "Settings") -> "Audit":
    """Our orders beside the account, judged as if nothing were on its way any more."""
    from deploy.cli.orders.auditing import audited
    from rekindle.rules.audit import PATIENCE
    from rekindle.wiring.parts import object_store

    now = datetime.now(UTC)
    async with open_database(settings) as database, open_payments(settings) as payments:
        objects = object_store(settings)
        since = now - timedelta(days=1)
        return await audited(database, payments, objects, since=since, now=now + PATIENCE)


def _told(bought: Purchase) -> dict[str, Any]:
    return {**vars(bought), "hd": str(bought.hd), "bytes": bought.hd.stat().st_size}

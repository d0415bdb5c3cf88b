"""HD is bought: ordered, paid on the provider's page, waited for, downloaded."""

import time
from dataclasses import dataclass
from pathlib import Path

from deploy.cli.calls import Document
from deploy.cli.checkout_page import pay_on_page
from deploy.cli.client import ApiClient, Attempt
from deploy.cli.failures import PaymentFailed
from deploy.cli.following import progress_bars


@dataclass(frozen=True)
class Purchase:
    """What was bought.

    Attributes:
        hd: the file.
        amount: what it cost, in the currency's smallest unit.
        seconds: from the order to the file.
    """

    order_id: str
    product: str
    hd: Path
    amount: int
    currency: str
    seconds: float


def buy_hd(client: ApiClient, attempt: Attempt, target: Path) -> Purchase:
    """Buy the HD of an attempt, and write it to a file.

    Args:
        client: of the API; its payments are the simulator's.
        attempt: one that succeeded.
        target: the file.

    Raises:
        PaymentFailed: the page took no payment, or the order was not delivered.
        CommandFailed: the API said no, or does not answer.
    """
    began = time.monotonic()
    order = client.check_out(attempt)
    if order["checkout_url"] is None:
        raise PaymentFailed(f"The order is {order['status']}: there is no page to pay it on.")
    pay_on_page(order["checkout_url"])
    order = _delivered(client, order["id"])
    client.download(order["hd_url"], target)
    return Purchase(
        order_id=order["id"],
        product=order["product"],
        hd=target,
        amount=order["amount"],
        currency=order["currency"],
        seconds=round(time.monotonic() - began, 2),
    )


def _delivered(client: ApiClient, order_id: str) -> Document:
    """The order, once it is delivered; its HD has a bar meanwhile."""
    with progress_bars() as bars:
        bar = bars.add_task("paying", total=1.0)
        order = client.follow_order(
            order_id,
            seen=lambda seen: bars.update(
                bar, description=seen["status"].replace("_", " "), completed=seen["hd"]["progress"]
            ),
        )
    if order["status"] != "delivered":
        raise PaymentFailed(f"The order is {order['status']}.")
    return order

"""On which terms HD is sold and made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from rekindle.contracts.orders import Product


@dataclass(frozen=True)
class OrderTerms:
    """What the settings say about orders.

    Attributes:
        success_url: of the page after a payment, with `{order_id}` in it.
        cancel_url: of the page after a checkout that was left, likewise.
        offer: how long a checkout page stays open; 30 minutes to 24 hours.
        graphs: the pack that makes each product.
        deadline: how long HD may wait for a GPU and run on it, in all.
        max_retries: further tries after a graph failed on our side.
        retry_backoff_base: seconds before the first; each further one waits that factor longer.
        secret_key: makes opaque stand-ins for people.
    """

    success_url: str
    cancel_url: str
    offer: timedelta
    graphs: Mapping[Product, str]
    deadline: timedelta
    max_retries: int
    retry_backoff_base: float
    secret_key: str = field(repr=False)

    def pages(self, order_id: UUID) -> tuple[str, str]:
        """Where the person goes after paying, and after leaving.

        Only `{order_id}` is replaced: the provider fills in names of its own.
        """
        success, cancel = (
            url.replace("{order_id}", str(order_id)) for url in (self.success_url, self.cancel_url)
        )
        return success, cancel

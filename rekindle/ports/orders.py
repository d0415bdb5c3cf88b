"""Commands to an order's workflow."""

from typing import Protocol
from uuid import UUID

from rekindle.contracts.orders import Checkout


class OrderCommands(Protocol):
    """Speaks to `HdOrder` workflows by contract. Raises `WorkflowsUnavailable` after 5 s."""

    async def checkout(self, order_id: UUID) -> Checkout:
        """An order's checkout page: the open one, else a new one. Starts, or revives, its workflow.

        Idempotent: nobody gets a second open page. An order that is paid, or over, has none.

        Raises:
            PaymentsUnavailable: the payment provider did not answer; nothing is lost, ask again.
            PaymentsRefused: it refused our key or request.
        """
        ...

    async def wake(self, order_id: UUID) -> None:
        """Have an order look at the payment provider anew; revives one that had settled.

        Idempotent, and without any answer: what it came to is in the order's row.
        """
        ...

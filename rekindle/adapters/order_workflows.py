"""Commands to orders, through Temporal."""

from typing import Any
from uuid import UUID

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import Priority, WorkflowIDConflictPolicy

from rekindle.adapters.patience import PATIENCE_SECONDS, forget_start, patience
from rekindle.contracts import orders, queues, renders
from rekindle.contracts.orders import Checkout, OrderRef

_SUMMARY = "a paid HD result"
_PAID = Priority(priority_key=renders.Priority.PAID)
"""Its looks pass the free work that waits for a worker."""


class TemporalOrders:
    """Commands to `HdOrder` workflows (`ports.orders.OrderCommands`)."""

    def __init__(self, client: Client, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Speak through `client`.

        Args:
            patience_seconds: how long an answer is waited for.
        """
        self._client = client
        self._patience_seconds = patience_seconds

    async def checkout(self, order_id: UUID) -> Checkout:
        """See `OrderCommands.checkout`."""
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            orders.HD_ORDER,
            OrderRef(order_id=order_id),
            id=orders.workflow_id(order_id),
            task_queue=queues.CONTROL,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=_SUMMARY,
            priority=_PAID,
        )
        try:
            async with patience(self._patience_seconds):
                answer: Checkout = await self._client.execute_update_with_start_workflow(
                    orders.CHECKOUT, start_workflow_operation=start, result_type=Checkout
                )
                return answer
        except BaseException:
            forget_start(start)
            raise

    async def wake(self, order_id: UUID) -> None:
        """See `OrderCommands.wake`."""
        async with patience(self._patience_seconds):
            await self._client.start_workflow(
                orders.HD_ORDER,
                OrderRef(order_id=order_id),
                id=orders.workflow_id(order_id),
                task_queue=queues.CONTROL,
                start_signal=orders.WAKE,
                static_summary=_SUMMARY,
                priority=_PAID,
            )

"""Deliveries of webhooks, through Temporal."""

from uuid import UUID

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from rekindle.adapters.patience import PATIENCE_SECONDS, patience
from rekindle.contracts import queues, webhooks
from rekindle.contracts.webhooks import DeliverWebhookInput


class TemporalWebhooks:
    """Commands to `DeliverWebhook` workflows (`ports.webhooks.WebhookCommands`)."""

    def __init__(self, client: Client, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Speak through `client`.

        Args:
            patience_seconds: how long an answer is waited for.
        """
        self._client = client
        self._patience_seconds = patience_seconds

    async def begin(self, event_id: int, endpoint_id: UUID, delivery_id: UUID) -> None:
        """See `WebhookCommands.begin`."""
        await self._start(event_id, endpoint_id, delivery_id, signal=None)

    async def try_now(self, event_id: int, endpoint_id: UUID, delivery_id: UUID) -> None:
        """See `WebhookCommands.try_now`."""
        await self._start(event_id, endpoint_id, delivery_id, signal=webhooks.TRY_NOW)

    async def _start(
        self, event_id: int, endpoint_id: UUID, delivery_id: UUID, *, signal: str | None
    ) -> None:
        async with patience(self._patience_seconds):
            await self._client.start_workflow(
                webhooks.DELIVER_WEBHOOK,
                DeliverWebhookInput(delivery_id=delivery_id, endpoint_id=endpoint_id),
                id=webhooks.workflow_id(event_id, endpoint_id),
                task_queue=queues.CONTROL,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal=signal,
                static_summary="a webhook",
            )

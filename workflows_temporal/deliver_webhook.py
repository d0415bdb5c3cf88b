"""One webhook for one endpoint: sent until it is accepted, later and later, for three days."""

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import WebhookActivities
    from rekindle.contracts import queues
    from rekindle.contracts.webhooks import (
        DELIVER_WEBHOOK,
        TRY_NOW,
        DeliverWebhookInput,
        DeliveryStatus,
        SendWebhook,
        SentWebhook,
    )
    from rekindle.rules.webhooks import DELAYS
    from workflows_temporal import policies


@workflow.defn(name=DELIVER_WEBHOOK)
class DeliverWebhook:
    """Its history names rows and nothing else: no address, no body, no secret."""

    @workflow.init
    def __init__(self, given: DeliverWebhookInput) -> None:
        """Begin with the first try."""
        self._given = given
        self._is_wanted_now = False

    @workflow.run
    async def run(self, given: DeliverWebhookInput) -> SentWebhook:
        """Send, wait, and send again, until it is accepted or was refused for the last time."""
        del given
        for delay in DELAYS:
            sent = await self._send(delay)
            if sent.status is not DeliveryStatus.PENDING:
                return sent
            await self._wait(delay)
        return await self._send(None)

    @workflow.signal(name=TRY_NOW)
    def try_now(self) -> None:
        """Wait no longer for the next try."""
        self._is_wanted_now = True

    async def _send(self, next_after: timedelta | None) -> SentWebhook:
        self._is_wanted_now = False
        return await workflow.execute_activity_method(
            WebhookActivities.send_webhook,
            SendWebhook(
                delivery_id=self._given.delivery_id,
                next_after_seconds=None if next_after is None else next_after.total_seconds(),
            ),
            task_queue=queues.WEBHOOKS,
            # One receiver that never answers must not hold up the others.
            priority=Priority(fairness_key=self._given.endpoint_id.hex),
            summary="the last try" if next_after is None else "a try",
            **policies.SEND,
        )

    async def _wait(self, delay: timedelta) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._is_wanted_now, timeout=delay, timeout_summary="until the next try"
            )

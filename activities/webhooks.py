"""Sending webhooks, and writing down what became of them."""

from datetime import timedelta

import structlog
from temporalio import activity

from activities.failures import as_failures
from rekindle.contracts.webhooks import (
    DeliveryStatus,
    EndpointStatus,
    SendWebhook,
    SentWebhook,
    WebhookType,
)
from rekindle.models import WebhookEndpoint
from rekindle.ports.webhooks import Answer, WebhookSender
from rekindle.rules import webhooks
from rekindle.store import webhook_deliveries
from rekindle.store.database import Database
from rekindle.store.webhook_deliveries import ToSend

_LOG = structlog.get_logger(__name__)


class WebhookActivities:
    """One try at a time. A try that is repeated is sent again, under the same `webhook-id`."""

    def __init__(self, *, database: Database, sender: WebhookSender, secret_key: str) -> None:
        """Work through these.

        Args:
            secret_key: from which the secrets of endpoints are derived.
        """
        self._database = database
        self._sender = sender
        self._secret_key = secret_key

    @activity.defn
    async def send_webhook(self, wanted: SendWebhook) -> SentWebhook:
        """Send a delivery that is pending, and note what came of it."""
        with as_failures():
            async with self._database.transaction() as session:
                found = await webhook_deliveries.to_send(session, wanted.delivery_id)
            if found is None:
                return SentWebhook(status=DeliveryStatus.GONE)
            if found.delivery.status != DeliveryStatus.PENDING:
                return SentWebhook(status=DeliveryStatus(found.delivery.status))
            if found.endpoint is None:
                return await self._forget(wanted)
            if found.endpoint.status == EndpointStatus.DISABLED:
                return await self._give_up(wanted)
            answer = await self._send(found, found.endpoint)
            return await self._note(wanted, found.endpoint, answer)

    async def _forget(self, wanted: SendWebhook) -> SentWebhook:
        async with self._database.transaction() as session:
            await webhook_deliveries.forget(session, wanted.delivery_id)
        return SentWebhook(status=DeliveryStatus.GONE)

    async def _give_up(self, wanted: SendWebhook) -> SentWebhook:
        async with self._database.transaction() as session:
            await webhook_deliveries.give_up(session, wanted.delivery_id)
        return SentWebhook(status=DeliveryStatus.FAILED)

    async def _send(self, found: ToSend, endpoint: WebhookEndpoint) -> Answer:
        message = webhooks.message_id(found.delivery.id)
        payload = webhooks.body(
            WebhookType(found.delivery.type),
            happened_at=found.delivery.happened_at,
            job_id=found.delivery.job_id,
            album_id=found.delivery.album_id,
            subject_id=found.delivery.subject_id,
            error_code=found.delivery.error_code,
        )
        keys = webhooks.signing_keys(
            self._secret_key, endpoint.id, endpoint.rotation, endpoint.rotated_at, found.now
        )
        headers = webhooks.headers(keys, message, found.now, payload)
        return await self._sender.send(endpoint.url, headers, payload)

    async def _note(
        self, wanted: SendWebhook, endpoint: WebhookEndpoint, answer: Answer
    ) -> SentWebhook:
        status, endpoint_status = _outcome(answer, is_last=wanted.next_after_seconds is None)
        pending = status is DeliveryStatus.PENDING and wanted.next_after_seconds is not None
        async with self._database.transaction() as session:
            await webhook_deliveries.note_try(
                session,
                wanted.delivery_id,
                status=status,
                last_status=answer.status,
                last_failure=answer.failure,
                next_after=timedelta(seconds=wanted.next_after_seconds or 0) if pending else None,
            )
            if endpoint_status is not None:
                await webhook_deliveries.note_endpoint(session, endpoint.id, endpoint_status)
        _LOG.info(
            "webhook_sent",
            delivery=str(wanted.delivery_id),
            status=answer.status,
            failure=answer.failure,
        )
        return SentWebhook(status=status)


def _outcome(answer: Answer, *, is_last: bool) -> tuple[DeliveryStatus, EndpointStatus | None]:
    """How the delivery stands, and what that says of its endpoint."""
    if answer.accepts:
        return DeliveryStatus.DELIVERED, EndpointStatus.ENABLED
    if answer.status == webhooks.GONE:
        return DeliveryStatus.FAILED, EndpointStatus.DISABLED
    if is_last:
        return DeliveryStatus.FAILED, EndpointStatus.FAILING
    return DeliveryStatus.PENDING, None

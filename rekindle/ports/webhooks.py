"""Outbound webhooks: sending one message, and having deliveries carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from rekindle.contracts.webhooks import SendFailure


@dataclass(frozen=True)
class Answer:
    """What a receiver said. Of its body nothing is kept.

    Attributes:
        status: HTTP status; None when there was no answer.
        failure: why there was none.
    """

    status: int | None = None
    failure: SendFailure | None = None

    @property
    def accepts(self) -> bool:
        """Whether it took the message."""
        return self.status is not None and 200 <= self.status < 300


class WebhookSender(Protocol):
    """Speaks to servers that strangers have named."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a message. Never raises for what the other side does, and never follows it.

        Args:
            url: `https`, of any host; only a public address is connected to.
            headers: beside those that HTTP itself needs.
            body: sent as it is.
        """
        ...


class WebhookCommands(Protocol):
    """Speaks to `DeliverWebhook` workflows. Every call raises `WorkflowsUnavailable`."""

    async def begin(self, event_id: int, endpoint_id: UUID, delivery_id: UUID) -> None:
        """Have a delivery carried out. Idempotent: one that is under way goes on as it was."""
        ...

    async def try_now(self, event_id: int, endpoint_id: UUID, delivery_id: UUID) -> None:
        """As `begin`; one that waits for its next try does not wait any longer."""
        ...

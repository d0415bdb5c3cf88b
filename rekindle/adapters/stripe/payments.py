"""Payments by Stripe Checkout (`ports.payments.Payments`)."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import stripe

from rekindle.adapters.stripe import wire
from rekindle.adapters.stripe.door import StripeDoor, checked_id
from rekindle.adapters.stripe.facts import PAGE, FactFinder
from rekindle.adapters.stripe.money import MoneyReader
from rekindle.adapters.stripe.webhooks import WebhookJudge
from rekindle.errors import PaymentsRefused, PaymentsUnavailable
from rekindle.ports.payments import (
    CheckoutOrder,
    CheckoutSession,
    PaymentEvent,
    PaymentFacts,
    Refund,
    SessionStatus,
)

EVENT_KINDS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.payment_failed",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
)
"""Kinds of events that wake an order: what the webhook endpoint subscribes to. Stripe lists by at
most twenty."""


class StripePayments:
    """One account at Stripe (`ports.payments.Payments`)."""

    def __init__(
        self,
        *,
        key: str,
        webhook_secret: str,
        api_url: str | None = None,
        account: str | None = None,
        timeout: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare a client for one event loop; nothing is requested yet.

        Args:
            key: secret or restricted API key, of test or live mode.
            webhook_secret: of the webhook endpoint; empty refuses every webhook.
            api_url: another address than Stripe's, such as the simulator's.
            account: our own account's id, for events that name one; see `WebhookJudge`.
            timeout: for a whole call, seconds.
            now: Unix seconds.

        Raises:
            SettingsInvalid: the key or the address cannot be one.
        """
        self._door = StripeDoor(key, api_url=api_url, timeout=timeout)
        self._v1 = self._door.client.v1
        self._facts = FactFinder(self._door, now)
        self._money = MoneyReader(self._door)
        self._judge = WebhookJudge(
            webhook_secret, is_live=self._door.is_live, account=account, now=now
        )

    async def open_session(self, order: CheckoutOrder) -> CheckoutSession:
        """See `Payments.open_session`. A repeat gives the session as it stands now."""
        sessions = self._v1.checkout.sessions
        with self._door.calling("open session"):
            made = await sessions.create_async(
                wire.session_params(order), {"idempotency_key": order.key}
            )
            if _is_replay(made):
                made = await sessions.retrieve_async(made.id)
        return wire.read_as(made, wire.session)

    async def expire_session(self, session_id: str, *, key: str) -> CheckoutSession:
        """See `Payments.expire_session`. One that has expired before comes back so."""
        sessions = self._v1.checkout.sessions
        with self._door.calling("expire session"):
            try:
                ended = await sessions.expire_async(
                    checked_id(session_id), options={"idempotency_key": key}
                )
                return wire.read_as(ended, wire.session)
            except stripe.InvalidRequestError:
                # Only an open one can be expired; a payment may have won the race.
                found = wire.read_as(await sessions.retrieve_async(session_id), wire.session)
        if found.status is SessionStatus.OPEN:
            # Its id and our key are good, so something is going on, such as a payment.
            raise PaymentsUnavailable("expire session: refused, but it is open")
        return found

    async def facts(
        self, order_id: UUID, *, session_ids: Sequence[str], payment_ids: Sequence[str]
    ) -> PaymentFacts:
        """See `Payments.facts`; one call for each session, two for each payment."""
        with self._door.calling("read an order"):
            return await self._facts.find(order_id, session_ids, payment_ids)

    async def refund(self, payment_id: str, *, amount: int, order_id: UUID, key: str) -> Refund:
        """See `Payments.refund`. A repeat gives the refund as it stands now.

        `PaymentsRefused` also when there is no such money left, or while a dispute is open.
        """
        if amount < 1:
            raise PaymentsRefused("a refund of nothing")
        refunds = self._v1.refunds
        with self._door.calling("refund"):
            made = await refunds.create_async(
                {
                    "payment_intent": checked_id(payment_id),
                    "amount": amount,
                    "metadata": {wire.ORDER_ID: str(order_id), wire.KEY: key},
                },
                {"idempotency_key": key},
            )
            if _is_replay(made):
                made = await refunds.retrieve_async(made.id)
        return wire.read_as(made, wire.refund)

    async def events(self, *, since: datetime) -> Sequence[PaymentEvent]:
        """See `Payments.events`: of `EVENT_KINDS`, delivered or not. Stripe keeps them 30 days."""
        with self._door.calling("list events"):
            listed = await self._v1.events.list_async(
                {
                    "created": {"gte": int(since.timestamp())},
                    "types": list(EVENT_KINDS),
                    "limit": PAGE,
                }
            )
            found = [
                wire.read_as(each.to_dict(), wire.event) async for each in listed.auto_paging_iter()
            ]
        return found[::-1]

    async def money(self, *, since: datetime) -> PaymentFacts:
        """See `Payments.money`; one call for each hundred things of a kind."""
        with self._door.calling("read the account"):
            return await self._money.read(since)

    def verify(self, body: bytes, signature: str) -> PaymentEvent:
        """See `Payments.verify`. Events of any kind; no I/O."""
        return self._judge.verify(body, signature)

    async def close(self) -> None:
        """Close the connections."""
        await self._door.close()


def _is_replay(made: stripe.StripeObject) -> bool:
    """Whether Stripe answered with what it said the first time: true then, maybe not now."""
    reply = made.last_response
    return reply is not None and reply.headers.get("Idempotent-Replayed") == "true"

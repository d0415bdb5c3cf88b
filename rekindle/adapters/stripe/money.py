"""Everything that an account did since some moment, for audits."""

from datetime import datetime

import stripe

from rekindle.adapters.stripe import wire
from rekindle.adapters.stripe.door import StripeDoor
from rekindle.adapters.stripe.facts import PAGE
from rekindle.ports.payments import CheckoutSession, Dispute, Payment, PaymentFacts, Refund


class MoneyReader:
    """Reads whole lists, a hundred things with each call.

    What is no one-time payment cannot be ours and is left out: sessions of subscriptions or of
    saved cards, and refunds and disputes of charges without a payment intent. The payments
    themselves are never left out.
    """

    def __init__(self, door: StripeDoor) -> None:
        """Prepare.

        Args:
            door: the account.
        """
        self._v1 = door.client.v1

    async def read(self, since: datetime) -> PaymentFacts:
        """See `Payments.money`.

        What takes money back is read before the payments: none is told of without its payment.

        Raises:
            stripe.StripeError: one of the calls failed.
        """
        begin = int(since.timestamp())
        disputes, refunds = await self._disputes(begin), await self._refunds(begin)
        payments = await self._payments(begin)
        return PaymentFacts(
            sessions=tuple(await self._sessions(begin)),
            payments=tuple(payments),
            refunds=tuple(refunds),
            disputes=tuple(disputes),
        )

    async def _sessions(self, begin: int) -> list[CheckoutSession]:
        listed = await self._v1.checkout.sessions.list_async(
            {"created": {"gte": begin}, "limit": PAGE}
        )
        found = listed.auto_paging_iter()
        return [wire.read_as(s, wire.session) async for s in found if s.mode == "payment"]

    async def _payments(self, begin: int) -> list[Payment]:
        listed = await self._v1.payment_intents.list_async(
            {"created": {"gte": begin}, "limit": PAGE, "expand": ["data.latest_charge"]}
        )
        return [wire.read_as(each, wire.payment) async for each in listed.auto_paging_iter()]

    async def _refunds(self, begin: int) -> list[Refund]:
        listed = await self._v1.refunds.list_async({"created": {"gte": begin}, "limit": PAGE})
        found = listed.auto_paging_iter()
        return [wire.read_as(r, wire.refund) async for r in found if _has_payment(r)]

    async def _disputes(self, begin: int) -> list[Dispute]:
        listed = await self._v1.disputes.list_async({"created": {"gte": begin}, "limit": PAGE})
        found = listed.auto_paging_iter()
        return [wire.read_as(d, wire.dispute) async for d in found if _has_payment(d)]


def _has_payment(found: stripe.Refund | stripe.Dispute) -> bool:
    return found.payment_intent is not None

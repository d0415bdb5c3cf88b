"""Everything that Stripe knows of an order, read anew."""

import time
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import stripe

from rekindle.adapters.stripe import wire
from rekindle.adapters.stripe.door import StripeDoor, checked_id
from rekindle.ports.payments import Dispute, PaymentFacts, Refund

PAGE = 100
"""The most that a list gives at once."""

_CHARGE = "payment_intent.latest_charge"
_LOOK_BACK_SECONDS = 25 * 3600
"""The longest life of a session, and an hour."""


class FactFinder:
    """Reads sessions, payments, refunds and disputes."""

    def __init__(self, door: StripeDoor, now: Callable[[], float] = time.time) -> None:
        """Prepare.

        Args:
            door: the account.
            now: Unix seconds.
        """
        self._v1 = door.client.v1
        self._now = now

    async def find(
        self, order_id: UUID, session_ids: Sequence[str], payment_ids: Sequence[str]
    ) -> PaymentFacts:
        """See `Payments.facts`.

        Without any known session, those of the last 25 hours are searched for the order's: the
        answer to its creation was lost, and its key may be too old to ask again.

        Raises:
            stripe.StripeError: one of the calls failed; also for an id that Stripe does not know,
                since leaving it out would hide money.
        """
        sessions = {each: await self._session(each) for each in map(checked_id, session_ids)}
        if not sessions:
            sessions = await self._recent(order_id)
        for payment_id in map(checked_id, payment_ids):
            if payment_id not in _intents(sessions.values()):
                sessions |= await self._of_payment(payment_id)
        intents = _intents(sessions.values())
        for payment_id in dict.fromkeys([*intents, *payment_ids]):
            if isinstance(intents.get(payment_id, payment_id), str):
                intents[payment_id] = await self._intent(payment_id)
        still_open = _intents(each for each in sessions.values() if each.status == "open")
        return PaymentFacts(
            sessions=tuple(wire.read_as(each, wire.session) for each in sessions.values()),
            payments=tuple(
                wire.read_as(each, wire.open_payment if i in still_open else wire.payment)
                for i, each in intents.items()
                if not isinstance(each, str)
            ),
            refunds=tuple([r for each in intents for r in await self._refunds(each)]),
            disputes=tuple([d for each in intents for d in await self._disputes(each)]),
        )

    async def _session(self, session_id: str) -> stripe.checkout.Session:
        sessions = self._v1.checkout.sessions
        return await sessions.retrieve_async(session_id, {"expand": [_CHARGE]})

    async def _recent(self, order_id: UUID) -> dict[str, stripe.checkout.Session]:
        since = int(self._now()) - _LOOK_BACK_SECONDS
        listed = await self._v1.checkout.sessions.list_async(
            {"created": {"gte": since}, "limit": PAGE, "expand": [f"data.{_CHARGE}"]}
        )
        name = str(order_id)
        found = listed.auto_paging_iter()
        return {each.id: each async for each in found if each.client_reference_id == name}

    async def _of_payment(self, payment_id: str) -> dict[str, stripe.checkout.Session]:
        listed = await self._v1.checkout.sessions.list_async(
            {"payment_intent": payment_id, "limit": PAGE, "expand": [f"data.{_CHARGE}"]}
        )
        return {each.id: each async for each in listed.auto_paging_iter()}

    async def _intent(self, payment_id: str) -> stripe.PaymentIntent:
        intents = self._v1.payment_intents
        return await intents.retrieve_async(payment_id, {"expand": ["latest_charge"]})

    async def _refunds(self, payment_id: str) -> list[Refund]:
        listed = await self._v1.refunds.list_async({"payment_intent": payment_id, "limit": PAGE})
        return [wire.read_as(each, wire.refund) async for each in listed.auto_paging_iter()]

    async def _disputes(self, payment_id: str) -> list[Dispute]:
        listed = await self._v1.disputes.list_async({"payment_intent": payment_id, "limit": PAGE})
        return [wire.read_as(each, wire.dispute) async for each in listed.auto_paging_iter()]


def _intents(
    sessions: Iterable[stripe.checkout.Session],
) -> dict[str, stripe.PaymentIntent | str]:
    """The payments of sessions by id; one that Stripe did not expand is its id again."""
    found = [each.payment_intent for each in sessions if each.payment_intent is not None]
    return {each if isinstance(each, str) else each.id: each for each in found}

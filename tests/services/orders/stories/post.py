"""How announcements come to us: at once, late, twice, out of order, or not at all."""

from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from rekindle.contracts.payments import PaymentEvent
from rekindle.ports.payments import Payments
from tests.services.orders.stories.world import World

LONGEST = timedelta(days=3)
"""So long the provider repeats an announcement; in the end all of it has passed."""


class Post(StrEnum):
    """What becomes of announcements."""

    PROMPT = "prompt"
    CHAOTIC = "chaotic"
    """Some at once and some after three days, in any order, up to three times each."""
    LATE = "late"
    """All after three days, the last one first, each twice."""
    LOST = "lost"
    """None ever: we look by ourselves in the end."""


class PostOffice:
    """The announcements of one order."""

    def __init__(self, world: World, payments: Payments, *, since: datetime) -> None:
        """Know those from then on."""
        self._world, self._payments, self._since = world, payments, since
        self._known: set[str] = set()
        self._bag: list[PaymentEvent] = []

    async def round(self, post: Post, pick: Random) -> None:
        """Deliver what comes before the next step."""
        await self._collect()
        if post is Post.PROMPT:
            await self._deliver(self._take(self._bag))
        elif post is Post.CHAOTIC:
            chosen = [each for each in self._bag if pick.random() < 0.4]
            self._take(chosen)
            await self._deliver(_muddled(chosen, pick))

    async def last_round(self, post: Post, pick: Random) -> None:
        """Deliver whatever comes at all."""
        await self._collect()
        if post is Post.LOST:
            return
        rest = self._take(self._bag)
        await self._world.control("clock", advance=LONGEST.total_seconds())
        if post is Post.CHAOTIC:
            rest = _muddled(rest, pick)
        elif post is Post.LATE:
            rest = [each for each in reversed(rest) for _ in range(2)]
        await self._deliver(rest)

    async def _collect(self) -> None:
        payments = {p["payment_intent"] for p in (await self._world.ledger())["payments"]}
        for event in await self._payments.events(since=self._since):
            is_its = event.order_id == self._world.order.id or event.payment_id in payments
            if is_its and event.event_id not in self._known:
                self._known.add(event.event_id)
                self._bag.append(event)

    def _take(self, chosen: list[PaymentEvent]) -> list[PaymentEvent]:
        taken = list(chosen)
        self._bag = [each for each in self._bag if each not in taken]
        return taken

    async def _deliver(self, events: list[PaymentEvent]) -> None:
        for event in events:
            await self._world.hears(event)


def _muddled(events: list[PaymentEvent], pick: Random) -> list[PaymentEvent]:
    copies = [each for each in events for _ in range(pick.randint(1, 3))]
    pick.shuffle(copies)
    return copies

"""One order and everybody around it: the person, their bank, an operator, a GPU, and us.

Whatever they do is one step; what the provider announces of it waits in the `PostOffice`. We are
the real activities over real Postgres and the official SDK; the provider is the simulator.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import httpx
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.orders import OrderActivities
from rekindle.contracts.orders import OrderLook, OrderRef, OrderStatus, hd_attempt_id
from rekindle.contracts.payments import PaymentEvent
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Attempt, Order
from rekindle.store import attempts, orders, payment_events
from rekindle.store.attempts import Result
from rekindle.store.database import Database
from tests.services import rows

T = TypeVar("T")
MOST_FAILED_REFUNDS = 2
_TRIES = 6


@dataclass
class World:
    """One order's.

    Attributes:
        http: control routes of the simulator.
        acts: as a worker has them.
        order: as it was made.
        crashes: when a look is to be broken off, and how; None: never.
        log: what was done, and whether it could be done.
    """

    http: httpx.AsyncClient
    database: Database
    acts: OrderActivities
    order: Order
    crashes: Random | None = None
    log: list[tuple[str, bool]] = field(default_factory=list)
    given_by_hand: int = 0
    look: OrderLook | None = None

    # -- What we do ------------------------------------------------------------------------------

    async def looks(self) -> OrderLook:
        """Look until it went through, and begin HD where it is owed."""
        ref = OrderRef(order_id=self.order.id)
        look: OrderLook = await self._insists(lambda: self._run(self.acts.reconcile_order, ref))
        if look.must_render:
            await self._insists(lambda: self._run(self.acts.prepare_hd, ref))
        self.look = look
        return look

    async def hears(self, event: PaymentEvent) -> None:
        """Receive an event as the webhook does, and look if it was new."""
        async with self.database.transaction() as session:
            is_new = await payment_events.note(session, event)
            if is_new and event.order_id is None:
                await payment_events.attribute(session, event)
        if is_new:
            await self.looks()

    # -- What people, banks and GPUs do ----------------------------------------------------------

    async def asks_for_the_page(self, _: Random) -> bool:
        ref = OrderRef(order_id=self.order.id)
        page = await self._insists(lambda: self._run(self.acts.open_checkout, ref))
        return page.url is not None

    async def pays(self, pick: Random) -> bool:
        return await self._presses(pick, "card")

    async def is_declined(self, pick: Random) -> bool:
        return await self._presses(pick, "declined")

    async def pays_by_bank(self, pick: Random) -> bool:
        return await self._presses(pick, "bank")

    async def pays_too_little(self, pick: Random) -> bool:
        return await self._presses(pick, "card", amount=self.order.amount - 1)

    async def bank_pays(self, pick: Random) -> bool:
        return await self._bank(pick, "succeeded")

    async def bank_refuses(self, pick: Random) -> bool:
        return await self._bank(pick, "failed")

    async def an_hour_passes(self, _: Random) -> bool:
        return await self.control("clock", advance=3700)

    async def gives_up(self, _: Random) -> bool:
        async with self.database.transaction() as session:
            return await orders.close(session, self.order.id)

    async def operator_gives_all_back(self, _: Random) -> bool:
        async with self.database.transaction() as session:
            return await orders.close(session, self.order.id, is_paid_back=True)

    async def part_is_given_back_by_hand(self, pick: Random) -> bool:
        payment = _any(await self._paid(), pick)
        if payment is None or payment["captured"] != self.order.amount:
            return False
        given = await self.control("refunds", payment_intent=payment["payment_intent"], amount=100)
        self.given_by_hand += 100 * given
        return given

    async def all_is_given_back_by_hand(self, pick: Random) -> bool:
        payment = _any(await self._paid(), pick)
        return payment is not None and await self.control(
            "refunds", payment_intent=payment["payment_intent"]
        )

    async def contests(self, pick: Random) -> bool:
        payment = _any(await self._paid(), pick)
        return payment is not None and await self.control(
            "disputes", payment_intent=payment["payment_intent"]
        )

    async def wins(self, pick: Random) -> bool:
        return await self._judged(pick, "won")

    async def loses(self, pick: Random) -> bool:
        return await self._judged(pick, "lost")

    async def hd_is_made(self, _: Random) -> bool:
        return await self._hd_ends(AttemptStatus.SUCCEEDED)

    async def hd_fails(self, _: Random) -> bool:
        return await self._hd_ends(AttemptStatus.FAILED)

    async def refund_arrives(self, pick: Random) -> bool:
        return await self._refund(pick, "succeeded")

    async def refund_fails(self, pick: Random) -> bool:
        failed = [r for r in (await self.ledger())["refunds"] if r["status"] == "failed"]
        return len(failed) < MOST_FAILED_REFUNDS and await self._refund(pick, "failed")

    # -- What is there ---------------------------------------------------------------------------

    async def control(self, path: str, **body: Any) -> bool:
        """Have the simulator do something; False when that is not possible."""
        reply = await self.http.post(f"/simulator/{path}", json=body)
        return reply.status_code == 200

    async def ledger(self) -> dict[str, Any]:
        """What really happened at the provider."""
        query = {"reference": str(self.order.id)}
        return dict((await self.http.get("/simulator/ledger", params=query)).json())

    async def row(self) -> Order:
        async with self.database.transaction() as session:
            found = await orders.by_id(session, self.order.id)
        assert found is not None
        return found

    async def entitled(self) -> bool:
        async with self.database.transaction() as session:
            return await rows.entitlement(session, self.order.id) is not None

    async def unheard(self) -> Sequence[str]:
        """Events in the inbox that did no work."""
        async with self.database.transaction() as session:
            return await payment_events.waiting_for(session, self.order.id)

    async def status(self) -> OrderStatus:
        return OrderStatus((await self.row()).status)

    # -- How -------------------------------------------------------------------------------------

    async def _presses(self, pick: Random, how: str, **words: Any) -> bool:
        found = [s for s in (await self.ledger())["sessions"] if s["status"] == "open"]
        session = _any(found, pick)
        if session is None:
            return False
        return await self.control("pay", session=session["id"], **{"with": how, **words})

    async def _paid(self) -> list[dict[str, Any]]:
        return [p for p in (await self.ledger())["payments"] if p["captured"]]

    async def _bank(self, pick: Random, outcome: str) -> bool:
        waiting = [p for p in (await self.ledger())["payments"] if p["status"] == "processing"]
        payment = _any(waiting, pick)
        return payment is not None and await self.control(
            "settle", payment_intent=payment["payment_intent"], outcome=outcome
        )

    async def _judged(self, pick: Random, verdict: str) -> bool:
        still = (d for d in (await self.ledger())["disputes"] if d["status"] not in ("won", "lost"))
        dispute = _any(list(still), pick)
        if dispute is None:
            return False
        return await self.control(f"disputes/{dispute['id']}", status=verdict)

    async def _refund(self, pick: Random, status: str) -> bool:
        pending = [r for r in (await self.ledger())["refunds"] if r["status"] == "pending"]
        refund = _any(pending, pick)
        return refund is not None and await self.control(f"refunds/{refund['id']}", status=status)

    async def _hd_ends(self, status: AttemptStatus) -> bool:
        async with self.database.transaction() as session:
            hd = await attempts.by_id(session, hd_attempt_id(self.order.id))
            if hd is None or AttemptStatus(hd.status).is_final:
                return False
            if status is AttemptStatus.SUCCEEDED:
                await attempts.succeed(session, hd.id, *_made(hd))
            else:
                await attempts.close(session, hd.id, status, error_code="graph_failed")
            return True

    async def _run(
        self, activity: Callable[[OrderRef], Coroutine[Any, Any, T]], ref: OrderRef
    ) -> T:
        return await ActivityEnvironment().run(activity, ref)

    async def _insists(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something of ours until it went through; crashes come in the first tries."""
        for _ in range(_TRIES):
            done = await self._once(call)
            if done is not None:
                return done
        await self.control("faults", faults=[])
        return await call()

    async def _once(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        if self.crashes is None:
            return await call()
        fault, breath = crash(self.crashes)
        await self.control("faults", faults=fault)
        try:
            return await asyncio.wait_for(call(), breath)
        except (ApplicationError, TimeoutError):
            return None
        finally:
            await self.control("faults", faults=[])


_ROUTES = ("POST /v1/refunds", "POST /v1/checkout/sessions", "POST /v1/checkout/*", "GET /v1/*")
_KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "reset"},
    {"kind": "lost_reply"},
    {"kind": "server_error", "status_code": 500, "saved": True},
    {"kind": "error_after", "status_code": 500, "saved": True},
    {"kind": "error_after", "status_code": 503, "saved": False},
    {"kind": "rate_limited"},
)


def crash(seed: Random) -> tuple[list[dict[str, Any]], float | None]:
    """What goes wrong with the next try: a fault at the provider, or the process dies in it.

    Returns:
        The plan of faults, and seconds until the process dies.
    """
    kind = seed.random()
    if kind < 0.5:
        return [seed.choice(_KINDS) | {"route": seed.choice(_ROUTES)}], None
    if kind < 0.7:
        return [], seed.uniform(0.001, 0.08)
    return [], None


def _any(found: Sequence[T], pick: Random) -> T | None:
    return pick.choice(found) if found else None


def _made(hd: Attempt) -> tuple[GraphOutput, Result]:
    key = f"restored/{hd.job_id}/{hd.stamp}_hd.png"
    output = GraphOutput(key=key, sha256="0" * 64, size_bytes=1, engine_seconds=1, pod_id="p")
    return output, Result(key=key, sha256="0" * 64, width=8, height=6)

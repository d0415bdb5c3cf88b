"""One order of HD, of one photo or several, from its checkout page to its last refund."""

import asyncio
import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderActivities
    from rekindle.contracts import search
    from rekindle.contracts.orders import (
        CHECKOUT,
        HD_ORDER,
        WAKE,
        Checkout,
        HdState,
        OrderItems,
        OrderLook,
        OrderRef,
        OrderStatus,
        hd_attempt_id,
        hd_item_attempt_id,
    )
    from rekindle.errors import OrderNotFound
    from rekindle.rules.orders import GRACE
    from workflows_temporal import policies
    from workflows_temporal.renders import Renders

_AGAIN, _SELDOM = timedelta(seconds=10), timedelta(minutes=10)
"""Until a look that failed is repeated: first, and in the end."""
_PAID = (OrderStatus.PAID, OrderStatus.RENDERING, OrderStatus.DELIVERED)
_NOW = timedelta(0)
_WHOLE = 0
"""Stands for the HD of an order of one photo, which has no items."""
_Happened = tuple[int, int]


@workflow.defn(name=HD_ORDER)
class HdOrder:
    """Looks at the payment provider when woken or when it is time, and has HD made once it is owed.

    All that it knows is in Postgres and at the provider, so it may be cancelled or terminated at
    any time: the next wake revives it. Closes when nothing is on its way.
    """

    @workflow.init
    def __init__(self, order: OrderRef) -> None:
        """Start with a look that is due at once."""
        self._order = order
        self._provider = asyncio.Lock()
        self._renders = Renders()
        self._begun: set[int] = set()
        self._look_at = workflow.now()
        self._wakes = 0
        self._failures = 0
        self._calls = 0
        self._answer: tuple[int, Checkout | ApplicationError] | None = None
        self._told: OrderStatus | None = None

    @workflow.run
    async def run(self, order: OrderRef) -> None:
        """Look again and again, until nothing is on its way any more."""
        async with self._provider:
            pass  # a checkout that came first looks as well
        while True:
            await self._until_due()
            if self._is_long:
                workflow.continue_as_new(order)  # the next run begins with a look
            before = self._happened
            try:
                look = await self._look()
                if look.must_render and _WHOLE not in self._begun:
                    await self._render()
                if owed := tuple(each for each in look.owed if each not in self._begun):
                    await self._render_items(owed)
            except ActivityError as failure:
                if is_cancelled_exception(failure):
                    raise
                if _code(failure) == OrderNotFound.code:
                    return
                self._put_off(before, self._pause(failure))
                continue
            self._failures = 0
            if await self._is_over(look) and before == self._happened:
                return
            self._put_off(before, timedelta(seconds=look.look_after_seconds))

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """Look anew; once for all wakes that came before that look."""
        self._wakes += 1
        self._look_at = workflow.now()

    @workflow.update(name=CHECKOUT)
    async def checkout(self) -> Checkout:
        """The order's page; fails with the code of what is wrong.

        Whoever waits is answered by any call that began after they had come.
        """
        calls = self._calls
        async with self._provider:
            if self._answer is None or self._answer[0] <= calls:
                self._calls += 1
                self._answer = (self._calls, await self._opened())
            answer = self._answer[1]
        if isinstance(answer, ApplicationError):
            raise answer
        return answer

    async def _opened(self) -> Checkout | ApplicationError:
        """The answer to a checkout."""
        before = self._happened
        try:
            page = await workflow.execute_activity_method(
                OrderActivities.open_checkout,
                self._order,
                summary="have a checkout page",
                **policies.CHECKOUT,
            )
        except ActivityError as failure:
            if isinstance(failure.cause, ApplicationError):
                return failure.cause
            raise
        until = page.expires_at + GRACE - workflow.now() if page.url and page.expires_at else _NOW
        self._put_off(before, until)
        self._tell(page.status)
        return page

    @property
    def _happened(self) -> _Happened:
        """What asks for another look: how many wakes there were, and how many renders ended."""
        return self._wakes, len(self._begun) - self._renders.open

    async def _until_due(self) -> None:
        """Wait until it is time to look, or something happens."""
        before = self._happened
        while before == self._happened and self._look_at > workflow.now():
            await self._until_changed(self._look_at, before)

    async def _until_changed(self, look_at: datetime, happened: _Happened) -> None:
        """Wait until that time, or until it is another one, or something happens."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: (look_at, happened) != (self._look_at, self._happened),
                timeout=look_at - workflow.now(),
                timeout_summary="until the next look",
            )

    async def _look(self) -> OrderLook:
        async with self._provider:
            look = await workflow.execute_activity_method(
                OrderActivities.reconcile_order,
                self._order,
                summary="look at the payment provider",
                **policies.LOOK,
            )
        self._tell(look.status, look)
        return look

    async def _render(self) -> None:
        """Have HD made. One render for each order, so that doing it again is the same thing."""
        render = await workflow.execute_activity_method(
            OrderActivities.prepare_hd,
            self._order,
            summary="record what HD is made of",
            **policies.RECORD,
        )
        if render is not None:
            await self._renders.start(render)
            self._tell_begun()
        self._begun.add(_WHOLE)  # without any render: look anew, since the money goes back

    async def _render_items(self, owed: tuple[int, ...]) -> None:
        """Have the HD of these photos made; one render for each, as above."""
        planned = await workflow.execute_activity_method(
            OrderActivities.prepare_items,
            OrderItems(order_id=self._order.order_id, numbers=owed),
            summary=f"record what HD of {len(owed)} photos is made of",
            **policies.PLAN,
        )
        for render in planned.renders:
            await self._renders.start(render)
            self._tell_begun()
        self._begun.update(owed)

    async def _is_over(self, look: OrderLook) -> bool:
        """Whether nothing is on its way; then nobody waits for an answer either."""
        if not look.is_settled:
            return False
        if look.under_way:  # nobody pays for it any more
            for number in look.under_way:
                await self._renders.cancel(hd_item_attempt_id(self._order.order_id, number))
            return False
        if look.hd is HdState.RENDERING and not look.items:
            await self._renders.cancel(hd_attempt_id(self._order.order_id))
            return False
        await workflow.wait_condition(workflow.all_handlers_finished)
        return True

    @property
    def _is_long(self) -> bool:
        """Whether the history is long, and nobody waits for an answer."""
        suggested = workflow.info().is_continue_as_new_suggested()
        return suggested and workflow.all_handlers_finished()

    def _put_off(self, before: _Happened, pause: timedelta) -> None:
        """Look after a pause; at once if something has happened since `before`."""
        self._look_at = workflow.now() + (pause if before == self._happened else _NOW)

    def _pause(self, failure: ActivityError) -> timedelta:
        """How long to wait after another failure."""
        pause = min(_AGAIN * (1 << min(self._failures, 10)), _SELDOM)
        self._failures += 1
        workflow.set_current_details(
            f"**{_code(failure) or 'no answer'}** at look {self._failures} in a row; "
            f"again in {pause.total_seconds():g} s"
        )
        return pause

    def _tell_begun(self) -> None:
        """Tell that an order is rendering as soon as it is: its next look may be a while away."""
        if self._told is OrderStatus.PAID:
            self._tell(OrderStatus.RENDERING)

    def _tell(self, status: OrderStatus, look: OrderLook | None = None) -> None:
        story = f"**{status}**"
        if look is not None:
            story += f" · HD {look.hd}"
            story += " · **needs an operator: a refund failed too often**" * look.needs_operator
        workflow.set_current_details(story)
        if status is self._told:
            return  # each time that it is told is an event of the history
        self._told = status
        paid = "yes" if status in _PAID else "no"
        workflow.upsert_search_attributes(
            [search.STAGE.value_set(status.value), search.PAID.value_set(paid)]
        )


def _code(failure: ActivityError) -> str | None:
    """The code of ours that an activity failed with."""
    return failure.cause.type if isinstance(failure.cause, ApplicationError) else None

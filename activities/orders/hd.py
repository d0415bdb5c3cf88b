"""What an order's HD is made of."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from activities.orders.items import hd_state, learn
from activities.orders.terms import OrderTerms
from comfy_graphs import complete, load_pack
from rekindle.contracts import keys
from rekindle.contracts.orders import (
    HdState,
    ItemRenders,
    Product,
    hd_attempt_id,
    hd_item_attempt_id,
)
from rekindle.contracts.renders import Priority, RenderInput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, JobStatus
from rekindle.errors import (
    AttemptNotFound,
    DependencyUnavailable,
    JobNotFound,
    OrderNotFound,
    RekindleError,
)
from rekindle.models import Attempt, Job, Order, OrderItem
from rekindle.rules.identity import fairness_key
from rekindle.store import attempts, jobs, order_items, orders
from rekindle.store.database import Database
from rekindle.store.order_items import ItemHd

_LOG = structlog.get_logger(__name__)
_LARGEST_SEED = 2**53 - 1
_KEYS = {Product.HD_IMAGE: keys.restored_hd, Product.HD_ANIMATION: keys.animated_hd}


class HdPlanner:
    """Says what is to be rendered."""

    def __init__(self, *, database: Database, terms: OrderTerms) -> None:
        """Work on these terms."""
        self._database = database
        self._terms = terms

    async def plan(self, order_id: UUID) -> RenderInput | None:
        """The render of an order's HD, whose row is written; None, and failed for good, if there
        can be none. Idempotent.

        Raises:
            OrderNotFound: there is no such order.
        """
        async with self._database.transaction() as session:
            order = await orders.by_id(session, order_id)
            if order is None:
                raise OrderNotFound
            try:
                render = await self._planned(session, order, hd_attempt_id(order.id))
            except RekindleError as error:
                _LOG.warning("hd_impossible", order=str(order_id), code=error.code, why=str(error))
                await orders.note_hd(session, order_id, HdState.FAILED, error_code=error.code)
                return None
            await attempts.record(session, attempts.queued(render))
            hd = await attempts.by_id(session, render.attempt_id)
            if hd is not None:  # from now on the order is rendering, whenever its next look is
                await orders.note_hd(session, order_id, hd_state(hd), error_code=hd.error_code)
        return render

    async def plan_items(self, order_id: UUID, numbers: Sequence[int]) -> ItemRenders:
        """The renders of these items' HD, whose rows are written. Idempotent.

        An item that can not be made has failed for good, and is left out.
        """
        async with self._database.transaction() as session:
            items = (await order_items.of_orders(session, [order_id]))[order_id]
        planned = [await self._plan_item(each) for each in items if each.number in numbers]
        await learn(self._database, order_id)  # from now on it is rendering
        return ItemRenders(renders=tuple(each for each in planned if each is not None))

    async def _plan_item(self, item: OrderItem) -> RenderInput | None:
        name = str(item.order_id)
        try:
            async with self._database.transaction() as session:
                attempt_id = hd_item_attempt_id(item.order_id, item.number)
                render = await self._planned(session, item, attempt_id)
                await attempts.record(session, attempts.queued(render))
        except DependencyUnavailable:
            raise
        except RekindleError as error:
            _LOG.warning(
                "hd_impossible", order=name, item=item.number, code=error.code, why=str(error)
            )
            failed = ItemHd(HdState.FAILED, error_code=error.code)
            async with self._database.transaction() as session:
                await order_items.note(session, item.order_id, {item.number: failed})
            return None
        return render

    async def _planned(
        self, session: AsyncSession, sold: Order | OrderItem, attempt_id: UUID
    ) -> RenderInput:
        """The render of what is sold. Raises as `_render`."""
        job = await jobs.by_id(session, sold.job_id) if sold.job_id else None
        source = await attempts.by_id(session, sold.attempt_id) if sold.attempt_id else None
        order_id = sold.id if isinstance(sold, Order) else sold.order_id
        return self._render(order_id, Product(sold.product), attempt_id, job, source)

    def _render(
        self,
        order_id: UUID,
        product: Product,
        attempt_id: UUID,
        job: Job | None,
        source: Attempt | None,
    ) -> RenderInput:
        """The render.

        Raises:
            JobNotFound, AttemptNotFound: what was sold is gone.
            RekindleError: there is no such graph.
        """
        if job is None or job.status == JobStatus.DELETED:
            raise JobNotFound
        if source is None or source.status != AttemptStatus.SUCCEEDED or source.master_key is None:
            raise AttemptNotFound
        pack = load_pack(self._terms.graphs[product])
        return RenderInput(
            job_id=job.id,
            attempt_id=attempt_id,
            kind=AttemptKind.HD,
            stamp=source.stamp,
            graph=pack.name,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=complete(pack, {}, seed=attempt_id.int & _LARGEST_SEED),
            source_id=source.id,
            source_key=source.master_key,
            output_key=keys.unlabelled(_KEYS[product](job.id, source.stamp)),
            order_id=order_id,
            priority=Priority.PAID,
            fairness_key=fairness_key(job.user_id, self._terms.secret_key),
            max_retries=self._terms.max_retries,
            retry_backoff_base=self._terms.retry_backoff_base,
            deadline_seconds=self._terms.deadline.total_seconds(),
        )

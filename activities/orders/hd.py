"""What an order's HD is made of."""

from uuid import UUID

import structlog

from activities.orders.terms import OrderTerms
from comfy_graphs import complete, load_pack
from rekindle.contracts import keys
from rekindle.contracts.orders import HdState, Product, hd_attempt_id
from rekindle.contracts.renders import Priority, RenderInput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, JobStatus
from rekindle.errors import AttemptNotFound, JobNotFound, OrderNotFound, RekindleError
from rekindle.models import Attempt, Job, Order
from rekindle.rules.identity import fairness_key
from rekindle.store import attempts, jobs, orders
from rekindle.store.database import Database

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
            job = await jobs.by_id(session, order.job_id) if order.job_id else None
            source = await attempts.by_id(session, order.attempt_id)
            try:
                render = self._render(order, job, source)
            except RekindleError as error:
                _LOG.warning("hd_impossible", order=str(order_id), code=error.code, why=str(error))
                await orders.note_hd(session, order_id, HdState.FAILED, error_code=error.code)
                return None
            await attempts.record(session, attempts.queued(render))
        return render

    def _render(self, order: Order, job: Job | None, source: Attempt | None) -> RenderInput:
        """The render.

        Raises:
            JobNotFound, AttemptNotFound: what was sold is gone.
            RekindleError: there is no such graph.
        """
        if job is None or job.status == JobStatus.DELETED:
            raise JobNotFound
        if source is None or source.status != AttemptStatus.SUCCEEDED or source.master_key is None:
            raise AttemptNotFound
        product, attempt_id = Product(order.product), hd_attempt_id(order.id)
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
            order_id=order.id,
            priority=Priority.PAID,
            fairness_key=fairness_key(job.user_id, self._terms.secret_key),
            max_retries=self._terms.max_retries,
            deadline_seconds=self._terms.deadline.total_seconds(),
        )

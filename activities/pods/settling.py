"""The ledger settled by the bill: what pods cost that ended while nobody of ours looked."""

import time
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import structlog

from rekindle.errors import CloudRefused, CloudUnavailable
from rekindle.models import PodRecord
from rekindle.ports.gpu_cloud import GpuCloud
from rekindle.rules.bills import corrected_end
from rekindle.store import bills
from rekindle.store.costs import life_of
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
_COMPLETE = timedelta(hours=2)
"""So long after its end a pod's bill is complete: rows are by the hour, and come an hour late."""
_REMEMBERED = timedelta(days=2)
_SELDOM_SECONDS = 900.0


class Settling:
    """Corrects the ends of pods that ended themselves, or were ended by hand."""

    def __init__(
        self,
        cloud: GpuCloud,
        database: Database,
        *,
        complete: timedelta = _COMPLETE,
        remembered: timedelta = _REMEMBERED,
        seldom_seconds: float = _SELDOM_SECONDS,
    ) -> None:
        """Read this cloud's bills.

        Args:
            complete: how long after its end a pod's bill has its last row.
            remembered: so long after its end nobody looks any more.
            seldom_seconds: between two looks; the cloud takes few calls a minute.
        """
        self._cloud = cloud
        self._database = database
        self._complete = complete
        self._remembered = remembered
        self._seldom_seconds = seldom_seconds
        self._looked_at: float | None = None

    async def settle(self) -> list[str]:
        """Correct what a bill tells better; not more often than seldom. Idempotent.

        Returns:
            Names of the pods whose end was corrected.
        """
        now = time.monotonic()
        if self._looked_at is not None and now - self._looked_at < self._seldom_seconds:
            return []
        self._looked_at = now
        async with self._database.transaction() as session:
            rows = await bills.unseen_ends(session, after=self._complete, within=self._remembered)
        gpu_usd = await self._billed(rows) if rows else {}
        return [row.id for row in rows if await self._corrected(row, gpu_usd)]

    async def _corrected(self, row: PodRecord, gpu_usd: dict[str, Decimal]) -> bool:
        end = corrected_end(life_of(row), gpu_usd)
        if end is None:
            return False
        _LOG.info("pod_cost_corrected", pod=row.id, was=str(row.terminated_at), ended_at=str(end))
        async with self._database.transaction() as session:
            await bills.correct_end(session, row.id, end)
        return True

    async def _billed(self, rows: Sequence[PodRecord]) -> dict[str, Decimal]:
        """What was billed for their GPUs, by name; empty when the cloud does not tell."""
        names = {row.cloud_id: row.id for row in rows}
        since = min(row.rented_at for row in rows if row.rented_at is not None)
        found: dict[str, Decimal] = {}
        try:
            for bill in await self._cloud.bills(since=since):
                if name := names.get(bill.cloud_id):
                    found[name] = found.get(name, Decimal(0)) + bill.gpu_usd
        except (CloudRefused, CloudUnavailable) as error:  # a key need not have the right
            _LOG.info("bill_not_seen", why=str(error))
        return found

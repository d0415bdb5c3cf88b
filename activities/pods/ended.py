"""Until when a pod was billed that has ended by itself: nobody of ours saw it end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import structlog

from rekindle.errors import CloudRefused, CloudUnavailable
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.ports.gpu_cloud import CloudPhase, GpuCloud

_LOG = structlog.get_logger(__name__)
_FREE = (CloudPhase.EXITED, CloudPhase.TERMINATED)


async def ended_by_itself(cloud: GpuCloud, row: PodRecord) -> datetime | None:
    """When that was; None for a pod that is billed still, or that somebody of ours ends.

    It is after the pod was last seen. How long after the bill tells, which may come up to an hour
    late: then the pod was seen until later.

    Raises:
        CloudUnavailable: nobody knows.
    """
    if row.state == PodState.DRAINING:
        return None
    return await gone_since(cloud, row)


async def gone_since(cloud: GpuCloud, row: PodRecord) -> datetime | None:
    """As `ended_by_itself`, for a pod that nobody of ours ends: its owner is no more."""
    if row.cloud_id is None or row.rented_at is None:
        return None
    told = await cloud.get(row.cloud_id)
    if told is not None and told.phase not in _FREE:
        return None
    seen_at = max(filter(None, (row.rented_at, row.running_at, row.ready_at, row.seen_at)))
    billed_until = row.rented_at + timedelta(seconds=float(await _billed_seconds(cloud, row)))
    return min(max(seen_at, billed_until), datetime.now(UTC))


async def _billed_seconds(cloud: GpuCloud, row: PodRecord) -> Decimal:
    if row.rented_at is None or not row.usd_per_hour:
        return Decimal(0)
    try:
        bills = await cloud.bills(since=row.rented_at)
    except (CloudRefused, CloudUnavailable) as error:  # a key need not have the right to see bills
        _LOG.info("bill_not_seen", pod=row.id, why=str(error))
        return Decimal(0)
    usd = sum((bill.gpu_usd for bill in bills if bill.cloud_id == row.cloud_id), Decimal(0))
    return usd / row.usd_per_hour * 3600

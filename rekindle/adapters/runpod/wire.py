"""What RunPod's JSON means: orders as request bodies, replies as our own words. Pure functions.

Replies are read generously: unknown fields and unknown words of an enum are no error, since the
vendor adds some without a new version. Only what makes a thing that thing has to be there.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from rekindle.errors import CloudRefused, CloudUnavailable
from rekindle.ports.gpu_cloud import (
    CloudPhase,
    CloudPod,
    GpuOffer,
    PodBill,
    PodOrder,
    Stock,
    Volume,
)

MOST_VARIABLES = 50
"""More variables than this the platform does not take; it would read as no capacity."""

Thing = TypeVar("Thing")


def create_body(order: PodOrder) -> dict[str, Any]:
    """The body of `POST /v2/pods`.

    Always Secure Cloud, the only one with network volumes. Raises `CloudRefused` for an order that
    breaks a rule which the cloud would answer like a lack of capacity.
    """
    if len(order.env) > MOST_VARIABLES:
        raise CloudRefused(f"a pod takes {MOST_VARIABLES} variables, not {len(order.env)}")
    gpu: dict[str, Any] = {"id": order.gpu_type, "count": 1}
    if order.min_cuda:
        gpu["minCudaVersion"] = order.min_cuda
    body: dict[str, Any] = {
        "name": order.name,
        "image": order.image,
        "gpu": gpu,
        "cloud": "SECURE",
        "disk": order.disk_gb,
        "ports": list(order.ports),
        "env": dict(order.env),
    }
    if order.data_centers:
        body["dataCenterIds"] = list(order.data_centers)
    if order.volume_id:
        mount = {"volumeId": order.volume_id, "path": order.volume_path}
        body["mounts"] = {"network": [mount]}
    return body


def pod(found: Any) -> CloudPod:
    """A pod object, of a create, a get or a list.

    `actions` is not read: the vendor's own example of a new pod contradicts its text there.
    """
    gpu = _object(found.get("gpu"))
    return CloudPod(
        cloud_id=_text(found["id"]),
        name=_text(found["name"]),
        phase=_phase(found.get("status")),
        gpu_type=_text_or_none(gpu.get("id")),
        data_center=_text_or_none(found.get("dataCenterId")),
        # null and {} alike: a new pod was seen with either
        has_runtime=bool(_object(found.get("runtime"))),
        usd_per_hour=_amount(found.get("cost")) or Decimal(0),
        created_at=_moment(found.get("createdAt")),
        started_at=_moment(found.get("startedAt")),
    )


def offer(found: Any, *, data_center: str | None) -> GpuOffer | None:
    """An entry of the catalogue; None for one that no order of ours can name.

    That is a type outside Secure Cloud, or one of unknown memory. `dataCenters` is absent when
    nothing is there, so with a data centre absence means none.
    """
    memory = found.get("memory")
    if not found.get("secure", True) or not isinstance(memory, int):
        return None
    listed = found.get("dataCenters")
    centers = {
        _text(each["id"]): _stock(each.get("availability"))
        for each in (listed if isinstance(listed, list) else ())
    }
    anywhere = _stock(found.get("availability"))
    most = _object(found.get("maxCount")).get("secure")
    return GpuOffer(
        gpu_type=_text(found["id"]),
        name=_text_or_none(found.get("name")) or _text(found["id"]),
        memory_gb=memory,
        usd_per_hour=_amount(_object(found.get("price")).get("secure")) or None,
        stock=anywhere if data_center is None else centers.get(data_center, Stock.NONE),
        data_centers={name: stock for name, stock in centers.items() if stock},
        most=most if isinstance(most, int) else 1,
    )


def volume(found: Any) -> Volume:
    """A network volume. Its data centre has another field name than a pod's."""
    return Volume(
        volume_id=_text(found["id"]),
        name=_text_or_none(found.get("name")) or "",
        size_gb=int(found["size"]),
        data_center=_text(found["dataCenter"]),
    )


def bill(found: Any) -> PodBill:
    """One pod in one time bucket."""
    starts_at, ends_at = _moment(found["startTime"]), _moment(found["endTime"])
    usd, gpu_usd = _amount(found["totalAmount"]), _amount(found["gpuAmount"])
    if starts_at is None or ends_at is None or usd is None or gpu_usd is None:
        raise ValueError
    return PodBill(_text(found["podId"]), starts_at, ends_at, usd, gpu_usd)


def listed(body: Any, field: str, read: Callable[[Any], Thing]) -> list[Thing]:
    """The things that a reply wraps in a field; `null` is how Go writes an empty list.

    Raises:
        CloudUnavailable: the reply is not of that shape. Leaving out what cannot be read would
            hide a pod, which then is rented twice.
    """
    return read_as(body, lambda found: [read(each) for each in found[field] or ()])


def read_as(body: Any, read: Callable[[Any], Thing]) -> Thing:
    """What a reply means. Raises `CloudUnavailable` when it does not have the shape for it."""
    try:
        return read(body)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        # Without the cause: it may quote the reply, which holds the variables of a pod.
        raise CloudUnavailable("the reply does not have the promised shape") from None


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC. Raises `ValueError` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _phase(status: object) -> CloudPhase:
    """A word that we do not know means: it is there, but not yet fit for work."""
    try:
        return CloudPhase(str(status))
    except ValueError:
        return CloudPhase.PROVISIONING


def _stock(level: object) -> Stock:
    """Absent means none; a level that we do not know means that there is some."""
    if level is None:
        return Stock.NONE
    return Stock.__members__.get(str(level), Stock.LOW)


def _moment(text: object) -> datetime | None:
    """A time; None for null, nonsense and Go's zero time."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1 else None


def _amount(number: object) -> Decimal | None:
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        return None
    return Decimal(number)


def _object(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: object) -> str:
    if not isinstance(found, str) or not found:
        raise ValueError
    return found


def _text_or_none(found: object) -> str | None:
    return found if isinstance(found, str) and found else None

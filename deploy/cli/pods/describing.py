"""A pod as one JSON object, and as one line of a table."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from deploy.cli.units import NONE, duration, iso

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import CloudPod, GpuCloud

AGENT_PORT = 8001
"""Where the agent of our image answers."""
OVER = ("EXITED", "ERROR", "TERMINATED")
"""Phases of pods that will not work again."""
HEADINGS = ("id", "name", "fleet", "phase", "GPU", "data centre", "per hour", "for")


def fleet_of(name: str) -> str | None:
    """The deployment whose fleet owns a pod of that name; None for a pod rented by hand."""
    from rekindle.rules.pods import number_in

    environment = name.removeprefix("rk-").partition("-")[0]
    return environment if number_in(environment, name) else None


def document(cloud: "GpuCloud", pod: "CloudPod") -> dict[str, Any]:
    """A pod for programs; `address` is that of the agent's port."""
    return {
        "id": pod.cloud_id,
        "name": pod.name,
        "fleet": fleet_of(pod.name),
        "phase": pod.phase.value,
        "has_runtime": pod.has_runtime,
        "gpu_type": pod.gpu_type,
        "data_center": pod.data_center,
        "usd_per_hour": float(pod.usd_per_hour),
        "created_at": iso(pod.created_at),
        "started_at": iso(pod.started_at),
        "address": cloud.address(pod.cloud_id, AGENT_PORT),
    }


def line(pod: "CloudPod", now: datetime | None = None) -> tuple[str, ...]:
    """A pod under `HEADINGS`."""
    return (
        pod.cloud_id,
        pod.name,
        fleet_of(pod.name) or NONE,
        phase_of(pod),
        pod.gpu_type or NONE,
        pod.data_center or NONE,
        rate(pod.usd_per_hour),
        duration(age(pod, now or datetime.now(UTC))),
    )


def rate(usd: Decimal | None) -> str:
    """Dollars for an hour, to the cent, as catalogues have them."""
    return NONE if usd is None else f"${usd:.2f}"


def phase_of(pod: "CloudPod") -> str:
    """Its phase; RUNNING alone does not say that its container runs."""
    booting = pod.phase == "RUNNING" and not pod.has_runtime
    return f"{pod.phase.value}, no runtime" if booting else pod.phase.value


def age(pod: "CloudPod", now: datetime) -> float | None:
    """Seconds since it was created."""
    return max((now - pod.created_at).total_seconds(), 0.0) if pod.created_at else None

"""A cloud that rents GPU pods by the second: the account's pods, catalogue, volumes and bills."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Protocol


class CloudPhase(StrEnum):
    """What the cloud says of a pod. `running` does not mean that it can work."""

    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


class Stock(IntEnum):
    """How much of a GPU type the catalogue says is there; it reserves nothing."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True)
class PodOrder:
    """What to rent: one GPU type, one image.

    Attributes:
        name: unique by our own doing; the cloud does not enforce it.
        gpu_type: the cloud's id, such as `NVIDIA GeForce RTX 4090`.
        data_centers: where it may be; empty for anywhere.
        volume_id: network volume to mount at `volume_path`; it fixes the data centre.
        disk_gb: container disk, GB.
        min_cuda: lowest CUDA version of the host's driver, such as `12.8`.
        ports: such as `8001/http`.
        env: variables of the container. Readable by whoever has the API key: no secret of ours.
    """

    name: str
    image: str
    gpu_type: str
    ports: tuple[str, ...]
    disk_gb: int
    data_centers: tuple[str, ...] = ()
    volume_id: str | None = None
    volume_path: str = "/workspace"
    min_cuda: str | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class CloudPod:
    """A pod as the cloud lists it.

    Attributes:
        cloud_id: the cloud's id; its address is made of it.
        has_runtime: whether its container reports; a pod can be RUNNING for long without.
        usd_per_hour: what it costs now; 0 when stopped.
    """

    cloud_id: str
    name: str
    phase: CloudPhase
    gpu_type: str | None
    data_center: str | None
    has_runtime: bool
    usd_per_hour: Decimal
    created_at: datetime | None
    started_at: datetime | None


@dataclass(frozen=True)
class GpuOffer:
    """A GPU type in the catalogue.

    Attributes:
        gpu_type: the id that an order names.
        memory_gb: video memory, GB.
        usd_per_hour: for one GPU; the billed rate is the pod's own.
        stock: of the asked data centre, or anywhere.
        data_centers: where there is some, with how much.
        most: how many GPUs one pod may have.
    """

    gpu_type: str
    name: str
    memory_gb: int
    usd_per_hour: Decimal | None
    stock: Stock
    data_centers: Mapping[str, Stock]
    most: int


@dataclass(frozen=True)
class Volume:
    """A network volume: models live there. `size_gb` in GB."""

    volume_id: str
    name: str
    size_gb: int
    data_center: str


@dataclass(frozen=True)
class PodBill:
    """What the cloud billed for a pod in one time bucket; rows come up to an hour late.

    Attributes:
        usd: for everything.
        gpu_usd: of it, for the GPU: its seconds at the pod's rate.
    """

    cloud_id: str
    starts_at: datetime
    ends_at: datetime
    usd: Decimal
    gpu_usd: Decimal


class GpuCloud(Protocol):
    """One account at a cloud. No call is retried inside: the caller knows what a repeat means.

    Every method raises `CloudUnavailable` (the outcome is unknown: look before doing it again;
    `retry_after` seconds when the cloud says so) and `CloudRefused` (our key, balance or request:
    no repeat can help).
    """

    async def create(self, order: PodOrder) -> CloudPod:
        """Rent a pod. Not idempotent: look for the name first.

        Raises:
            NoGpuStock: this GPU type cannot be had now, or the order breaks a rule: the cloud
                does not tell the two apart. Try the next candidate.
        """
        ...

    async def get(self, cloud_id: str) -> CloudPod | None:
        """One pod; None when the cloud does not know it (any more)."""
        ...

    async def find(self, prefix: str) -> Sequence[CloudPod]:
        """The account's pods whose name starts so. A new one may be missing for some seconds."""
        ...

    async def terminate(self, cloud_id: str) -> bool:
        """Give a pod back. Idempotent: one that is gone is fine.

        Returns:
            Whether the cloud took it now; False when it knew of none (any more).
        """
        ...

    async def offers(self, *, data_center: str | None = None) -> Sequence[GpuOffer]:
        """The catalogue with stock and price, in the cloud's order."""
        ...

    async def volumes(self) -> Sequence[Volume]:
        """The account's network volumes."""
        ...

    async def bills(self, *, since: datetime) -> Sequence[PodBill]:
        """What was billed for pods since then."""
        ...

    def address(self, cloud_id: str, port: int) -> str:
        """Where an HTTP port of a pod is reached from outside, without a slash at the end."""
        ...

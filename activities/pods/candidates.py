"""Which GPU types to ask for, best first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rekindle.contracts.statuses import GpuClass
from rekindle.ports.gpu_cloud import GpuCloud, GpuOffer, Stock
from rekindle.rules.scaling import Money
from rekindle.store import pods
from rekindle.store.database import Database

_UNKNOWN_PRICE = 1e6


@dataclass(frozen=True)
class Wanted:
    """What a class needs.

    Attributes:
        gpu_types: these and no others, best first; empty for any with enough memory.
        least_gb, most_gb: video memory when no types are named, GB.
    """

    gpu_types: tuple[str, ...] = ()
    least_gb: int = 24
    most_gb: int = 48


class Candidates:
    """The catalogue's offers in the order in which to try them."""

    def __init__(
        self,
        cloud: GpuCloud,
        database: Database,
        wanted: Mapping[GpuClass, Wanted],
        *,
        volume_id: str | None,
    ) -> None:
        """Choose from the offers of `cloud`, where the volume is."""
        self._cloud = cloud
        self._database = database
        self._wanted = wanted
        self._volume_id = volume_id
        self._data_center: str | None = None

    async def of(self, gpu_class: GpuClass) -> list[str]:
        """GPU types to try now.

        Stock only orders: the catalogue is wrong at times, so a type without stock comes last
        rather than never. So does one that did not boot lately.
        """
        return [offer.gpu_type for offer in await self._ranked(gpu_class)]

    async def data_centers(self) -> tuple[str, ...]:
        """Where pods may be: beside the volume, or anywhere (empty)."""
        where = await self._where()
        return (where,) if where else ()

    async def priced(self, gpu_class: GpuClass, money: Money) -> Money:
        """What was spent, with what the first candidate would cost: before there was any pod."""
        ranked = await self._ranked(gpu_class)
        prices = [float(o.usd_per_hour) for o in ranked if o.usd_per_hour is not None]
        return replace(money, candidate=prices[0] if prices else 0.0)

    async def _ranked(self, gpu_class: GpuClass) -> list[GpuOffer]:
        wanted = self._wanted[gpu_class]
        offers = await self._cloud.offers(data_center=await self._where())
        async with self._database.transaction() as session:
            failed = await pods.failed_gpu_types(session)
        fitting = [offer for offer in offers if _fits(offer, wanted)]
        return sorted(fitting, key=lambda offer: _rank(offer, wanted, failed))

    async def _where(self) -> str | None:
        """The data centre of the volume, which is also the pods'."""
        if self._data_center is None and self._volume_id is not None:
            volumes = await self._cloud.volumes()
            self._data_center = next(
                (v.data_center for v in volumes if v.volume_id == self._volume_id), None
            )
        return self._data_center


def _fits(offer: GpuOffer, wanted: Wanted) -> bool:
    if wanted.gpu_types:
        return offer.gpu_type in wanted.gpu_types
    return wanted.least_gb <= offer.memory_gb <= wanted.most_gb


def _rank(
    offer: GpuOffer, wanted: Wanted, failed: Mapping[str, int]
) -> tuple[bool, int, int, float]:
    named = wanted.gpu_types.index(offer.gpu_type) if wanted.gpu_types else 0
    price = _UNKNOWN_PRICE if offer.usd_per_hour is None else float(offer.usd_per_hour)
    return offer.stock is Stock.NONE, failed.get(offer.gpu_type, 0), named, price

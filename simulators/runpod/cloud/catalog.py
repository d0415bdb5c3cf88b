"""What can be rented where, for how much, and what is in stock."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Level(StrEnum):
    """The vendor's stock levels, from empty to full."""

    NONE = "NONE"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True)
class DataCenter:
    """A data centre, as ``/v2/catalog/datacenters`` describes it, and its country."""

    id: str
    name: str
    region: str
    country: str
    network_volume_types: tuple[str, ...]
    compliance: tuple[str, ...]
    has_global_network: bool


@dataclass(frozen=True)
class GpuType:
    """A GPU type.

    Attributes:
        price: Dollars an hour for one GPU: ``secure``, ``community``, perhaps ``serverless``;
            0 where the type is not offered.
        max_count: GPUs of the largest machine, by cloud.
        data_centers: Ids of the data centres that have it.
        cuda_versions: What its machines' drivers can do; empty for AMD.
    """

    id: str
    name: str
    pool: str | None
    manufacturer: str
    memory: int
    price: Mapping[str, float]
    max_count: Mapping[str, int]
    data_centers: tuple[str, ...]
    cuda_versions: tuple[str, ...]


class Catalog:
    """The catalogue of ``catalog.json``, whose stock and prices can be changed."""

    def __init__(self) -> None:
        read = json.loads(Path(__file__).with_name("catalog.json").read_text())
        self.data_centers = {row["id"]: _data_center(row) for row in read["dataCenters"]}
        self.gpus = {row["id"]: _gpu(row, self.data_centers) for row in read["gpus"]}
        self._levels: dict[tuple[str, str | None], Level] = {}

    def set_level(self, gpu: str, data_center: str | None, level: Level) -> None:
        """Say what is in stock; a level for one data centre goes before one for all.

        Raises:
            KeyError: No such GPU type or data centre.
        """
        self.gpus[gpu]
        if data_center is None:
            for key in [key for key in self._levels if key[0] == gpu]:
                del self._levels[key]
        else:
            self.data_centers[data_center]
        self._levels[gpu, data_center] = level

    def set_price(self, gpu: str, cloud: str, price: float) -> None:
        """Change what one GPU costs in one cloud, in dollars an hour.

        Raises:
            KeyError: No such GPU type.
        """
        known = self.gpus[gpu]
        self.gpus[gpu] = dataclasses.replace(known, price={**known.price, cloud: price})

    def level_at(self, gpu: GpuType, data_center: str) -> Level:
        """What is in stock at one place."""
        if data_center not in gpu.data_centers:
            return Level.NONE
        everywhere = self._levels.get((gpu.id, None), Level.HIGH)
        return self._levels.get((gpu.id, data_center), everywhere)

    def levels_of(
        self, gpu: GpuType, count: int, cloud: str, countries: Iterable[str] = ()
    ) -> dict[str, Level]:
        """Stock of a configuration by data centre, where it is in stock at all."""
        if count > gpu.max_count[cloud.lower()]:
            return {}
        wanted = set(countries)
        return dict(self._stocked(gpu, wanted))

    def _stocked(self, gpu: GpuType, countries: set[str]) -> Iterator[tuple[str, Level]]:
        for place in gpu.data_centers:
            if countries and self.data_centers[place].country not in countries:
                continue
            level = self.level_at(gpu, place)
            if level is not Level.NONE:
                yield place, level


def overall(levels: Iterable[Level]) -> Level:
    """The best of several levels."""
    return max(levels, key=list(Level).index, default=Level.NONE)


def cuda_number(version: str) -> tuple[int, ...]:
    """A CUDA version that compares as the vendor compares it: 12.11 is above 12.2."""
    return tuple(int(part) for part in version.split("."))


def _data_center(row: Mapping[str, object]) -> DataCenter:
    return DataCenter(
        id=str(row["id"]),
        name=str(row["name"]),
        region=str(row["region"]),
        country=str(row["country"]),
        network_volume_types=_texts(row["networkVolumeTypes"]),
        compliance=_texts(row["compliance"]),
        has_global_network=bool(row["globalNetwork"]),
    )


def _gpu(row: Mapping[str, object], places: Iterable[str]) -> GpuType:
    everywhere = row["dataCenters"] == "*"
    price, max_count = row["price"], row["maxCount"]
    assert isinstance(price, dict)  # noqa: S101  our own file
    assert isinstance(max_count, dict)  # noqa: S101
    return GpuType(
        id=str(row["id"]),
        name=str(row["name"]),
        pool=None if row["pool"] is None else str(row["pool"]),
        manufacturer=str(row["manufacturer"]),
        memory=int(str(row["memory"])),
        price=price,
        max_count=max_count,
        data_centers=tuple(places) if everywhere else _texts(row["dataCenters"]),
        cuda_versions=_texts(row["cudaVersions"]),
    )


def _texts(value: object) -> tuple[str, ...]:
    assert isinstance(value, list)  # noqa: S101
    return tuple(str(item) for item in value)

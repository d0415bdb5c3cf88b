"""Network volumes: folders below ``volumes/`` of the data folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from simulators.runpod.cloud.catalog import Catalog
from simulators.runpod.cloud.ids import new_id
from simulators.runpod.problem import Problem

Record = Callable[..., object]


@dataclass(frozen=True)
class Volume:
    """A network volume; ``size`` in GB is written down, not enforced."""

    id: str
    name: str
    size: int
    dataCenter: str  # noqa: N815  the vendor's name, as it is in the journal
    type: str

    def as_json(self) -> dict[str, Any]:
        """The vendor's object."""
        return asdict(self)


class Volumes:
    """All volumes."""

    def __init__(self, folder: Path, catalog: Catalog, record: Record) -> None:
        self._folder = folder
        self._catalog = catalog
        self._record = record
        self._volumes: dict[str, Volume] = {}

    def apply(self, line: dict[str, Any]) -> None:
        """Read one line of the journal."""
        if line["event"] == "volume":
            volume = Volume(**line["volume"])
            self._volumes[volume.id] = volume
            self.path(volume.id).mkdir(parents=True, exist_ok=True)
        elif line["event"] == "volume_gone":
            self._volumes.pop(line["id"], None)

    def path(self, volume_id: str) -> Path:
        """Where its files are."""
        return self._folder / volume_id

    def find(self, volume_id: str) -> Volume | None:
        """A volume by its id."""
        return self._volumes.get(volume_id)

    def get(self, volume_id: str) -> Volume:
        """A volume by its id; 404 when there is none."""
        found = self._volumes.get(volume_id)
        if found is None:
            raise Problem(404, "network volume not found")
        return found

    def all(self) -> list[Volume]:
        """Every volume."""
        return list(self._volumes.values())

    def create(self, body: dict[str, Any], volume_id: str | None = None) -> Volume:
        """Make a volume from a valid request body.

        Args:
            body: ``CreateNetworkVolumeRequest``.
            volume_id: Its id, when that is to be a certain one.
        """
        place = self._catalog.data_centers.get(body["dataCenter"])
        if place is None:
            raise Problem(400, f"data center '{body['dataCenter']}' does not exist")
        if not place.network_volume_types:
            raise Problem(400, f"data center '{place.id}' does not support network volumes")
        kind = body.get("type", place.network_volume_types[0])
        if kind not in place.network_volume_types:
            raise Problem(400, f"data center '{place.id}' does not support {kind} volumes")
        made = volume_id or new_id(10)
        volume = Volume(made, body["name"], body["size"], place.id, kind)
        self._record("volume", volume=volume.as_json())
        return volume

    def update(self, volume_id: str, body: dict[str, Any]) -> Volume:
        """Rename or grow a volume."""
        volume = self.get(volume_id)
        if body.get("size", volume.size) < volume.size:
            raise Problem(400, "network volume storage cannot be reduced")
        self._record("volume", volume=replace(volume, **body).as_json())
        return self.get(volume_id)

    def delete(self, volume_id: str) -> None:
        """Forget a volume; its folder stays, as the simulator deletes nobody's files."""
        self.get(volume_id)
        self._record("volume_gone", id=volume_id)

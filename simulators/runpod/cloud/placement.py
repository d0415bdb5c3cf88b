"""Chooses a machine for a pod, or finds no capacity."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from simulators.runpod.cloud.catalog import Catalog, GpuType, Level, cuda_number
from simulators.runpod.cloud.faults import FaultKind, Subject
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.cloud.pod import FREE_OF_CHARGE, Machine, Pod, Spec
from simulators.runpod.cloud.volumes import Volumes
from simulators.runpod.problem import Problem

NO_CAPACITY = (
    "There are no longer any instances available with the requested specifications. "
    "Please refresh and try again."
)
CPU_RATE = 0.03  # dollars an hour for one vCPU
_TURN = 16  # machines of one kind that take turns before further ones appear
_MOST = 4_096
_OLD_CUDA = "11.8"


class Placement:
    """Machines take turns, so that the next pod of a kind comes to another host.

    Args:
        catalog: Stock and prices.
        volumes: A pod goes where its volume is.
        faults: What goes wrong.
        pods: All pods, to know which GPUs are taken.
    """

    def __init__(
        self,
        catalog: Catalog,
        volumes: Volumes,
        faults: FaultInjector,
        pods: Callable[[], Iterable[Pod]],
    ) -> None:
        self._catalog = catalog
        self._volumes = volumes
        self._faults = faults
        self._pods = pods
        self._turns: Counter[str] = Counter()

    def place(self, spec: Spec) -> tuple[Machine, float]:
        """The machine of a pod, and its rate in dollars an hour.

        Raises:
            Problem: 400 in prose when there is no capacity.
        """
        if "cpu" in spec:
            place = next(iter(self._candidates(spec)))
            return Machine(f"{place.lower()}-cpu-00", place, None), (
                CPU_RATE * spec["cpu"]["vcpuCount"]
            )
        gpu = self._catalog.gpus[spec["gpu"]["id"]]
        rate = gpu.price[spec["cloud"].lower()] * spec["gpu"]["count"]
        for place in self._candidates(spec):
            machine = self._machine_in(place, gpu, spec)
            if machine is not None:
                return machine, round(rate, 6)
        raise Problem(400, NO_CAPACITY)

    def _candidates(self, spec: Spec) -> list[str]:
        for mount in spec["mounts"].get("network", []):
            volume = self._volumes.find(mount["volumeId"])
            return [] if volume is None else [volume.dataCenter]
        return spec["dataCenterIds"] or list(self._catalog.data_centers)

    def _machine_in(self, place: str, gpu: GpuType, spec: Spec) -> Machine | None:
        if self._catalog.level_at(gpu, place) is Level.NONE:
            return None
        subject = Subject(spec["name"], gpu.id, place)
        is_local = self._faults.of_subject(
            FaultKind.NO_CAPACITY, subject, lambda fault: fault.data_center is not None
        )
        if is_local is not None:
            return None
        old = self._faults.of_subject(FaultKind.HOST_TOO_OLD, subject)
        known = (old.cuda or _OLD_CUDA,) if old is not None else gpu.cuda_versions or (None,)
        if not any(accepts_cuda(spec, version) for version in known):
            return None
        for machine in self._machines(place, gpu, spec["gpu"]["count"]):
            if old is not None:
                machine = dataclasses.replace(machine, cuda=old.cuda or _OLD_CUDA)
            if accepts_cuda(spec, machine.cuda):
                self._turns[f"{place} {gpu.id}"] += 1
                return machine
        return None

    def _machines(self, place: str, gpu: GpuType, count: int) -> Iterator[Machine]:
        """Machines with so many free GPUs, the one whose turn it is first."""
        taken: Counter[str] = Counter()
        for pod in self._pods():
            if pod.status not in FREE_OF_CHARGE:
                taken[pod.machine.name] += pod.gpu_count
        turn = self._turns[f"{place} {gpu.id}"]
        order = [(turn + step) % _TURN for step in range(_TURN)] + list(range(_TURN, _MOST))
        size = max(gpu.max_count.values())
        for index in order:
            name = f"{place}-{gpu.name}-{index:02d}".lower().replace(" ", "-")
            if taken[name] + count <= size:
                versions = gpu.cuda_versions
                yield Machine(name, place, versions[index % len(versions)] if versions else None)


def accepts_cuda(spec: Spec, cuda: str | None) -> bool:
    """Whether a host's driver is what the call asks for."""
    floor, exact = spec["gpu"].get("minCudaVersion"), spec["gpu"].get("allowedCudaVersions")
    if not floor and not exact:
        return True
    if cuda is None:
        return False
    return cuda in exact if exact else cuda_number(cuda) >= cuda_number(floor)

"""All pods: creating, finding, changing and ending them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from simulators.common.clock import Clock
from simulators.runpod.cloud.catalog import Catalog
from simulators.runpod.cloud.faults import Fault, FaultKind, Subject
from simulators.runpod.cloud.ids import new_id, new_key
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.cloud.lifecycle import Lifecycle
from simulators.runpod.cloud.placement import NO_CAPACITY, Placement
from simulators.runpod.cloud.pod import ACTIONS, Fate, Machine, Pod, Spec, Status, View
from simulators.runpod.cloud.rules import (
    check_container,
    check_create,
    check_mount_change,
    spec_of,
)
from simulators.runpod.cloud.volumes import Volumes
from simulators.runpod.cloud.workload import Launcher
from simulators.runpod.options import Tunables
from simulators.runpod.problem import Problem

_REFUSALS = {
    FaultKind.NO_CAPACITY: Problem(400, NO_CAPACITY),
    FaultKind.BAD_REQUEST: Problem(
        400,
        "This machine does not have the resources to deploy your pod. "
        "Please try a different machine",
    ),
    FaultKind.NO_BALANCE: Problem(402, "insufficient balance to deploy this pod"),
    FaultKind.FORBIDDEN_POOL: Problem(403, "access denied"),
}
_RESTARTING = frozenset({"image", "args", "disk", "ports", "env", "registry", "mounts"})


class Fleet:
    """The account's pods.

    Args:
        record: Writes a line into the journal and has everybody read it, this class too.
    """

    def __init__(
        self,
        clock: Clock,
        tunables: Tunables,
        launcher: Launcher,
        catalog: Catalog,
        volumes: Volumes,
        faults: FaultInjector,
        record: Callable[..., object],
    ) -> None:
        self._clock = clock
        self._catalog = catalog
        self._volumes = volumes
        self._faults = faults
        self._record = record
        self._pods: dict[str, Pod] = {}
        self._ids_by_key: dict[str, str] = {}
        self._placement = Placement(catalog, volumes, faults, self._pods.values)
        self.lifecycle = Lifecycle(clock, tunables, launcher, faults, self._move)

    def apply(self, line: dict[str, Any]) -> None:
        """Read one line of the journal."""
        if line["event"] == "created":
            pod = Pod.from_line(line)
            self._pods[pod.id] = pod
            self._ids_by_key[pod.key] = pod.id
        elif line["event"] == "moved":
            view = View(**{**line["view"], "status": Status(line["view"]["status"])})
            self._pods[line["pod"]].past.append((line["at"], view))
        elif line["event"] == "patched":
            self._pods[line["pod"]].spec.update(line["changes"])

    def resume(self) -> None:
        """Go on with the pods of earlier processes."""
        for pod in self._pods.values():
            self.lifecycle.resume(pod)

    def shut_down(self) -> None:
        """End the insides that cannot outlive this process."""
        for pod in self._pods.values():
            self.lifecycle.shut_down(pod)

    def create(self, body: dict[str, Any]) -> Pod:
        """Rent a pod.

        Args:
            body: A valid ``CreatePodRequest``.

        Raises:
            Problem: A rule is broken, there is no capacity, or a fault says so.
        """
        spec = spec_of(body)
        check_create(spec, self._catalog, self._volumes)
        wanted = Subject(spec["name"], spec.get("gpu", {}).get("id", ""))
        self._refuse_if_planned(wanted)
        self._change_price_if_planned(wanted, spec)
        machine, rate = self._placement.place(spec)
        subject = dataclasses.replace(wanted, data_center=machine.data_center, machine=machine.name)
        pod = Pod(
            id=new_id(10),
            spec=spec,
            machine=machine,
            rate=rate,
            key=new_key(),
            created_at=self._clock.now(),
            fate=self._fate(subject, machine),
        )
        self._record("created", **pod.as_line())
        self.lifecycle.begin(self._pods[pod.id])
        return self._pods[pod.id]

    def get(self, pod_id: str) -> Pod:
        """A pod that is reported to exist; 404 otherwise."""
        pod = self._pods.get(pod_id)
        if pod is None or pod.reported(self._clock.now()).status is Status.TERMINATED:
            raise Problem(404, "pod not found")
        return pod

    def find(self, pod_id: str) -> Pod | None:
        """A pod that ever was."""
        return self._pods.get(pod_id)

    def listed(self) -> list[Pod]:
        """The pods that the list shows, oldest first."""
        now = self._clock.now()
        return [pod for pod in self._pods.values() if pod.is_listed(now)]

    def alive(self) -> Iterable[Pod]:
        """The pods that are not terminated."""
        return [pod for pod in self._pods.values() if pod.status is not Status.TERMINATED]

    def id_of_key(self, key: str) -> str | None:
        """The pod that a pod-scoped key belongs to, while it is not terminated."""
        pod_id = self._ids_by_key.get(key)
        if pod_id is None or self._pods[pod_id].status is Status.TERMINATED:
            return None
        return pod_id

    def act(self, pod: Pod, action: str, by: str) -> None:
        """Start, stop, restart or terminate a pod.

        Raises:
            Problem: 409 when its state or its lock forbids that.
        """
        if action == "terminate":
            self.terminate(pod, by)
            return
        if action not in ACTIONS[pod.status]:
            raise Problem(409, f"action '{action}' is not valid for a pod that is {pod.status}")
        if pod.spec["locked"] and action in ("stop", "restart"):
            raise Problem(409, f"pod is locked, action '{action}' is not valid")
        {
            "start": self.lifecycle.start,
            "stop": self.lifecycle.stop,
            "restart": self.lifecycle.restart,
        }[action](pod, by)

    def terminate(self, pod: Pod, by: str) -> None:
        """End a pod for good; with the fault ``terminate_lost`` it only looks so.

        Raises:
            Problem: 404 when it has already ended.
        """
        if pod.status is Status.TERMINATED:
            raise Problem(404, "pod not found")
        if self._faults.of_subject(FaultKind.TERMINATE_LOST, pod.subject) is None:
            self.lifecycle.terminate(pod, by)

    def update(self, pod: Pod, body: dict[str, Any], by: str) -> None:
        """Change a pod; anything but name, lock and networking restarts a running one.

        Args:
            pod: Which.
            body: A valid ``UpdatePodRequest``.
            by: Who asked.
        """
        if "templateId" in body:
            raise Problem(404, "template not found")
        check_container(body)
        if not body.get("mounts"):
            body.pop("mounts", None)
        else:
            check_mount_change(pod.spec, body["mounts"])
        self._record("patched", pod=pod.id, changes=body)
        if _RESTARTING & set(body) and pod.status is Status.RUNNING:
            self.lifecycle.restart(pod, by)

    def die_now(self, faults: Iterable[Fault]) -> None:
        """Have the faults happen that are about the pods of this moment."""
        for fault in faults:
            if fault.kind is FaultKind.DIES and fault.when == "now":
                for pod in self.alive():
                    self.lifecycle.die_if_planned(pod, "now")

    def _move(self, pod: Pod, view: View, by: str) -> None:
        self._record("moved", pod=pod.id, view=dataclasses.asdict(view), by=by)

    def _refuse_if_planned(self, wanted: Subject) -> None:
        for kind, refusal in _REFUSALS.items():
            fault = self._faults.of_subject(kind, wanted, lambda f: f.data_center is None)
            if fault is not None:
                raise Problem(refusal.status, fault.detail or refusal.detail)

    def _change_price_if_planned(self, wanted: Subject, spec: Spec) -> None:
        fault = self._faults.of_subject(FaultKind.PRICE_CHANGE, wanted)
        if fault is not None and fault.price is not None:
            self._catalog.set_price(wanted.gpu, spec["cloud"].lower(), fault.price)

    def _fate(self, subject: Subject, machine: Machine) -> Fate:
        def seconds_of(kind: FaultKind) -> float:
            fault = self._faults.of_subject(kind, subject)
            return 0.0 if fault is None or fault.seconds is None else fault.seconds

        def is_planned(kind: FaultKind) -> bool:
            return self._faults.of_subject(kind, subject) is not None

        known = self._catalog.gpus.get(subject.gpu)
        is_old = machine.cuda is not None and machine.cuda not in (
            known.cuda_versions if known else ()
        )
        return Fate(
            is_stuck=is_planned(FaultKind.STUCK_STARTING),
            is_never_ready=is_planned(FaultKind.NEVER_READY) or is_old,
            hidden_seconds=seconds_of(FaultKind.LISTING_LAG),
            stale_seconds=seconds_of(FaultKind.STALE_STATUS),
        )

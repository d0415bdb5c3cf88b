"""How a pod comes up and goes away: timers move it, and its inside may end it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

from simulators.common.clock import Clock
from simulators.runpod.cloud.faults import Fault, FaultKind
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.cloud.pod import Pod, Status, View
from simulators.runpod.cloud.pod_log import SYSTEM
from simulators.runpod.cloud.workload import Launcher
from simulators.runpod.options import Tunables

PLATFORM, SELF_DIED, STOPPED, KILLED = (
    "platform",
    "self-died",
    "simulator-stopped",
    "simulator-killed",
)


class Record(Protocol):
    """Writes a change of state into the journal, and the change into the pod."""

    def __call__(self, pod: Pod, view: View, by: str) -> None:
        """Move a pod."""


class Lifecycle:
    """The state machine of pods. No call waits."""

    def __init__(
        self,
        clock: Clock,
        tunables: Tunables,
        launcher: Launcher,
        faults: FaultInjector,
        record: Record,
    ) -> None:
        self._clock = clock
        self._tunables = tunables
        self._launcher = launcher
        self._faults = faults
        self._record = record

    def begin(self, pod: Pod) -> None:
        """Boot a pod that is PROVISIONING."""
        self._say(pod, f"create container {pod.spec['image']}")
        self._later(pod, self._tunables.boot.provisioning, self._to_starting)

    def resume(self, pod: Pod) -> None:
        """Go on with a pod of an earlier process of this simulator."""
        at, view = pod.past[-1]
        elapsed = self._clock.now() - at
        boot = self._tunables.boot
        if view.status is Status.PROVISIONING:
            self._later(pod, boot.provisioning - elapsed, self._to_starting)
        elif view.status is Status.STARTING:
            self._await_running(pod, boot.starting - elapsed)
        elif view.status is Status.RUNNING and view.ready_at is None:
            self._await_launch(pod, boot.runtime - elapsed)
        elif view.status is Status.RUNNING and not view.is_dead:
            if self._launcher.survives_restart:
                self._run(pod)
            else:  # its host went down with the simulator, which notices only now
                self._launcher.sweep(pod)
                self._record(pod, View(Status.EXITED), KILLED)

    def start(self, pod: Pod, by: str) -> None:
        """Boot a stopped pod again."""
        self._record(pod, View(Status.PROVISIONING), by)
        self.begin(pod)

    def restart(self, pod: Pod, by: str) -> None:
        """Stop a pod's inside and boot it again where it is, still billed."""
        self._end_inside(pod, is_polite=True)
        self._record(pod, View(Status.STARTING), by)
        self._await_running(pod, self._tunables.boot.starting)

    def stop(self, pod: Pod, by: str) -> None:
        """End a pod's inside; the pod stays, free of charge."""
        self._end_inside(pod, is_polite=True)
        self._record(pod, View(Status.EXITED), by)

    def terminate(self, pod: Pod, by: str) -> None:
        """End a pod for good."""
        self._end_inside(pod, is_polite=True)
        self._record(pod, View(Status.TERMINATED), by)
        pod.log.close()
        self._launcher.clean(pod)

    def die(self, pod: Pod, fault: Fault) -> None:
        """Kill a pod's inside, and report what the fault says is reported."""
        if pod.status is Status.TERMINATED:
            return
        self._end_inside(pod, is_polite=False)
        status = Status(fault.status or "EXITED")
        if status is Status.RUNNING:
            self._record(pod, dataclasses.replace(pod.view, is_dead=True), SELF_DIED)
        elif status is Status.TERMINATED:
            self.terminate(pod, SELF_DIED)
        else:
            self._record(pod, View(status), SELF_DIED)

    def die_if_planned(self, pod: Pod, moment: str) -> None:
        """Have a pod die later, if a fault says so for pods at this moment of their life."""
        fault = self._faults.of_subject(
            FaultKind.DIES, pod.subject, lambda f: (f.when or "ready") == moment
        )
        if fault is not None:
            self._clock.call_later(fault.seconds or 0.0, lambda: self.die(pod, fault))

    def shut_down(self, pod: Pod) -> None:
        """This process ends in order, and with it the insides that are processes."""
        if pod.workload is not None and not self._launcher.survives_restart:
            self.stop(pod, STOPPED)

    def _to_starting(self, pod: Pod) -> None:
        self._record(pod, View(Status.STARTING), PLATFORM)
        self._say(pod, f"pull image {pod.spec['image']}")
        self._await_running(pod, self._tunables.boot.starting)

    def _await_running(self, pod: Pod, seconds: float) -> None:
        if pod.fate.is_stuck:
            return
        if not self._launcher.knows(pod.spec["image"]):
            self._say(pod, f"image {pod.spec['image']} not found, retrying")
            return
        self._later(pod, seconds, self._to_running)

    def _to_running(self, pod: Pod) -> None:
        self._record(pod, View(Status.RUNNING, self._clock.now()), PLATFORM)
        self._await_launch(pod, self._tunables.boot.runtime)

    def _await_launch(self, pod: Pod, seconds: float) -> None:
        if pod.fate.is_never_ready:
            self._say(pod, "error starting container: nvidia-container-cli: requirement error")
            return
        self._later(pod, seconds, self._to_ready)

    def _to_ready(self, pod: Pod) -> None:
        self._say(pod, "start container")
        if self._run(pod):
            ready = dataclasses.replace(pod.view, ready_at=self._clock.now())
            self._record(pod, ready, PLATFORM)
            self.die_if_planned(pod, "ready")

    def _run(self, pod: Pod) -> bool:
        """Start a pod's inside; False when it cannot be."""
        try:
            pod.workload = self._launcher.launch(pod, ended=lambda: self._ended(pod))
        except OSError as error:
            self._say(pod, f"error starting container: {error}")
            self._record(pod, View(Status.ERROR), PLATFORM)
            return False
        return True

    def _ended(self, pod: Pod) -> None:
        pod.workload = None
        pod.ports.clear()
        self._say(pod, "container exited")
        self._record(pod, View(Status.EXITED), SELF_DIED)

    def _end_inside(self, pod: Pod, *, is_polite: bool) -> None:
        if pod.timer is not None:
            pod.timer.cancel()
        workload, pod.workload = pod.workload, None
        if workload is not None:
            if is_polite:
                workload.stop()
            else:
                workload.kill()
        pod.ports.clear()

    def _later(self, pod: Pod, seconds: float, step: Callable[[Pod], None]) -> None:
        pod.timer = self._clock.call_later(seconds, lambda: step(pod))

    def _say(self, pod: Pod, text: str) -> None:
        pod.log.add(self._clock.now(), SYSTEM, text)

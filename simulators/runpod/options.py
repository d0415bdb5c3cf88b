"""What the command line decides, and what a running simulator may still be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

GENEROUS_RATES: Mapping[str, int] = {"minute": 6_000, "hour": 300_000, "day": 5_000_000}
"""A hundred times the vendor's examples (60, 3000, 50000), so that tests need not wait."""


class PodKeyRights(StrEnum):
    """What the key inside a pod may do to that pod, beside reading it."""

    TERMINATE = "terminate"
    STOP = "stop"


@dataclass(frozen=True)
class BootTimes:
    """Seconds of each stage of a boot.

    Attributes:
        provisioning: From the create call to STARTING.
        starting: From STARTING to RUNNING.
        runtime: From RUNNING to the container's process, which ends ``runtime: null``.
    """

    provisioning: float = 0.2
    starting: float = 0.2
    runtime: float = 0.2


@dataclass
class Tunables:
    """What ``POST /simulator/settings`` may change while the simulator runs.

    Attributes:
        boot: Holds for stages that begin from now on.
        pod_key_may: Rights of the pod-scoped key.
        proxy_seconds: Longest request through the proxy, in seconds.
        light_seconds: How long a prompt takes in light mode, for prompts that start from now on.
    """

    boot: BootTimes = field(default_factory=BootTimes)
    pod_key_may: PodKeyRights = PodKeyRights.TERMINATE
    proxy_seconds: float = 100.0
    light_seconds: float = 1.0


@dataclass(frozen=True)
class Options:
    """Settings of one simulator.

    Attributes:
        data: Folder of the journal, the volumes, the pods' scratch folders and their logs.
        api_key: The account's key.
        read_only_key: A key that may only read; every other call of it is a 403.
        images: Command line by image name; ``*`` in a name matches anything.
        volumes: Data centre by id of the network volumes that exist from the start.
        s3_keys: Secret by access key of the S3 door; without any nobody gets in.
        light: No processes: this process answers for every pod.
        rates: Calls allowed per key in a ``minute``, ``hour`` and ``day``.
        grace: Seconds between SIGTERM and SIGKILL when a pod is stopped or terminated.
        pass_env: Names of variables of this process that pods inherit.
        url: Where pods reach this simulator.
        light_object_info: What ``/object_info`` answers in light mode.
        light_result: Bytes of every picture a light pod makes; a small grey PNG without.
        light_token_env: Variable of the create call that holds the pod's bearer token.
        is_frozen: Time moves only through ``POST /simulator/clock``.
    """

    data: Path
    api_key: str
    read_only_key: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    s3_keys: Mapping[str, str] = field(default_factory=dict)
    light: bool = False
    boot: BootTimes = field(default_factory=BootTimes)
    pod_key_may: PodKeyRights = PodKeyRights.TERMINATE
    rates: Mapping[str, int] = field(default_factory=lambda: dict(GENEROUS_RATES))
    proxy_seconds: float = 100.0
    grace: float = 2.0
    pass_env: tuple[str, ...] = ()
    url: str = ""
    light_seconds: float = 1.0
    light_object_info: Mapping[str, object] = field(default_factory=dict)
    light_result: bytes | None = None
    light_token_env: str = "REKINDLE_POD_TOKEN"  # noqa: S105  a variable's name
    is_frozen: bool = False

    def tunables(self) -> Tunables:
        """The part that may change later."""
        return Tunables(self.boot, self.pod_key_may, self.proxy_seconds, self.light_seconds)

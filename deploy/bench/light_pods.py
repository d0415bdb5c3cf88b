"""Rented pods that weigh nothing here: the RunPod simulator answers for all of them."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import col, func, select

from deploy.bench.limits import unlimited
from deploy.bench.person import CARDS
from deploy.embedded.ports import free_port
from deploy.stack.running import running_stack
from deploy.stack.services import ComfyUI
from deploy.stack.stack import Stack
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.settings import Settings
from rekindle.store.database import Database

_BOOT = "provisioning=0.05,starting=0.05,runtime=0.05"
_TRANSFERS = ("POST /proxy/*/upload/image", "GET /proxy/*/view")
_LONG = 86_400.0
_PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class PodRun:
    """One prompt on one pod, by the simulator's own ledger, Unix seconds.

    Attributes:
        pod: the cloud's id of it.
        accepted: when it was posted.
    """

    pod: str
    prompt_id: str
    accepted: float
    started: float
    ended: float


class LightPods:
    """The simulator of a running stack, and what its pods did."""

    def __init__(self, url: str, database: Database) -> None:
        """Speak to the simulator at `url`; `database` has the ledger of ours."""
        self._url = url
        self._database = database

    async def take(self, seconds: float) -> None:
        """Let every prompt that starts from now on take so long."""
        await self._post("settings", {"light_seconds": seconds})

    async def transfer(self, seconds: float) -> None:
        """Let every transfer of a photo, to a pod and from it, take so much longer from now on."""
        slow = [
            {"kind": "slow", "route": route, "seconds": seconds, "count": None}
            for route in _TRANSFERS
        ]
        await self._post("faults", {"faults": slow})

    async def now(self) -> float:
        """The simulator's clock, Unix seconds."""
        return float((await self._get("clock"))["now"])

    async def runs(self, since: float) -> list[PodRun]:
        """Every prompt that was posted since then and has run to its end, in that order."""
        return [
            PodRun(
                pod=run["pod"],
                prompt_id=run["prompt_id"],
                accepted=run["accepted_at"],
                started=run["started_at"],
                ended=run["ended_at"],
            )
            for run in (await self._get("runs"))["runs"]
            if run["accepted_at"] >= since and run["outcome"] == "success"
        ]

    async def are_ready(self, count: int) -> None:
        """Wait until so many pods are ready.

        Raises:
            TimeoutError: they are not.
        """
        ready = select(func.count()).where(
            col(PodRecord.state) == PodState.READY, col(PodRecord.terminated_at).is_(None)
        )
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                async with self._database.transaction() as session:
                    if (await session.execute(ready)).scalar_one() >= count:
                        return
                await asyncio.sleep(0.2)

    async def _get(self, path: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=f"{self._url}/simulator/", timeout=60) as http:
            reply = (await http.get(path)).raise_for_status()
        return dict(reply.json())

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with httpx.AsyncClient(base_url=f"{self._url}/simulator/", timeout=60) as http:
            (await http.post(path, json=body)).raise_for_status()


def by_pod(runs: Sequence[PodRun]) -> dict[str, list[PodRun]]:
    """The runs of each pod that had any, in the order in which they started."""
    lanes: dict[str, list[PodRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.started):
        lanes[run.pod].append(run)
    return dict(lanes)


def keeping(least: int, most: int, **further: Any) -> Settings:
    """Settings with which there are always so many pods, and none is returned for being idle.

    Args:
        least: kept at any time.
        most: allowed.
        further: other settings.
    """
    return unlimited(
        image_pods_min=least,
        image_pods_max=most,
        video_pods_max=0,
        pod_idle_seconds=_LONG,
        pod_alone_seconds=_LONG,
        pod_late_seconds=0.0,
        spend_per_hour=1e6,
        spend_per_day=1e7,
        log_level="WARNING",
        **further,
    )


@contextmanager
def running_light_stack(folder: Path, settings: Settings) -> Iterator[Stack]:
    """Run a stack whose pods are light ones; a prompt takes 50 ms until something else is said.

    Args:
        folder: for everything.
        settings: of API and worker, see `keeping`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    light = (
        *("--light", "--light-seconds", "0.05", "--boot", _BOOT),
        *("--light-object-info", str(_node_classes(folder))),
    )
    with running_stack(
        folder / "stack", settings=settings, rents_pods=True, runpod_arguments=light
    ) as stack:
        yield stack


def _node_classes(folder: Path) -> Path:
    """What a ComfyUI says it can run, in a file: light pods say the same."""
    target = folder / "object_info.json"
    with ComfyUI(folder / "pattern", port=free_port(), further=CARDS) as server:
        reply = httpx.get(f"{server.url}/object_info", timeout=60).raise_for_status()
    target.write_text(json.dumps(reply.json()))
    return target

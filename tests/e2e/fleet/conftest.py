"""A stack whose pods are process groups, somebody who restores photos, and an auditor.

A pod is the RunPod simulator's: `startup.sh`, the agent and the small ComfyUI, which stops every
prompt at its last node until a test lets it go. The auditor's witnesses are what the system cannot
write: the simulator's bill, and the ledger that each engine keeps outside its pod's folder. Our
rows are what is audited.
"""

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

import cv2
import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from skimage.data import astronaut
from temporalio.client import Client
from temporalio.common import Priority as TaskPriority

from comfy_graphs import complete, load_pack
from deploy.cli.client import ApiClient, Attempt
from deploy.cli.connection import connect
from deploy.stack.environment import as_environment
from deploy.stack.running import running_stack
from deploy.stack.services import RunPod, Worker
from deploy.stack.stack import Stack
from rekindle.adapters.schedules import TemporalSchedules
from rekindle.adapters.temporal import TemporalPodOwners
from rekindle.adapters.temporal import connect as connect_temporal
from rekindle.contracts import keys, queues, renders
from rekindle.contracts.fleet import AUTOSCALE_PODS, AUTOSCALE_SCHEDULE
from rekindle.contracts.renders import Priority, RenderInput
from rekindle.contracts.statuses import AttemptKind, GpuClass
from rekindle.settings import Settings

Row = dict[str, Any]
Found = TypeVar("Found")
IMAGE = GpuClass.IMAGE
GRAPH = "restore_classic"
WISHES = {"graph": GRAPH, "megapixels": 0.1, "seed": 5}
POD_IMAGE = "held-pod:latest"
HELD = {"SaveImage": 3600.0}
PATIENCE = 100.0
MOST_TRIES = 9
GUI = re.compile(r"To see the GUI go to: (http://\S+)")


def until(holds: Callable[[], Found], what: str) -> Found:
    """What it answers as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
    return found


def throughout(seconds: float, holds: Callable[[], bool], what: str) -> None:
    """Watch it hold for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert holds(), f"no longer: {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def engines_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the engines keep what outlives their pods."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, engines_folder: Path) -> Iterator[Stack]:
    """A stack without a worker: every test runs its own, on its own terms."""
    command = [
        *("/usr/bin/env", f"COMFYUI_BASE_DIRECTORY={engines_folder}/{{RUNPOD_POD_ID}}"),
        *(sys.executable, "-P", "-m", "deploy.stack.simulated_pod"),
        *(part for name, held in HELD.items() for part in ("--node-delay", f"{name}={held}")),
    ]
    with running_stack(
        tmp_path_factory.mktemp("stack"),
        settings=Settings(_env_file=None, image_pods_min=0, image_pods_max=0),
        rents_pods=True,
        runpod_arguments=("--image", f"{POD_IMAGE}={shlex.join(command)}"),
    ) as stack:
        stack.worker.stop()
        yield stack


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    picture = astronaut()  # type: ignore[no-untyped-call]
    cv2.imwrite(str(path), picture[:160, :200, ::-1])
    return path


class Cloud:
    """The simulator: what goes wrong with it, its bill, and the processes of its pods."""

    def __init__(self, runpod: RunPod, http: httpx.Client) -> None:
        self._runpod, self._http = runpod, http

    def does(self, *faults: Row) -> None:
        """Go wrong in these ways, and in no others."""
        self._http.post("/simulator/faults", json={"faults": faults}).raise_for_status()

    def has_done(self, times: int = 1) -> bool:
        """Whether what is planned has gone wrong so often."""
        plan = self._http.get("/simulator/faults").raise_for_status().json()["faults"]
        return sum(int(fault["fired"]) for fault in plan) >= times

    def bill(self, prefix: str) -> Row:
        """What pods whose names begin so cost, oldest first, and how many there were at once."""
        told = self._http.get("/simulator/ledger", params={"name": prefix})
        return dict(told.raise_for_status().json())

    def kill(self, pod: str) -> None:
        """End all processes of a pod with SIGKILL, as a lost host would."""
        pods = self._http.get("/simulator/pods").raise_for_status().json()["pods"]
        (group,) = [each["pid"] for each in pods if each["id"] == pod]
        os.killpg(group, signal.SIGKILL)

    def engine(self, pod: str) -> str:
        """Address of the small ComfyUI in a pod, from the pod's log."""
        log = self._runpod.data / "pods" / f"{pod}.log"

        def said() -> str | None:
            found = GUI.findall(log.read_text()) if log.exists() else []
            return found[-1] if found else None

        return str(until(said, f"an engine in {pod}"))

    def clear(self, prefix: str) -> None:
        """No fault, and none of these pods."""
        self.does()
        key = {"Authorization": f"Bearer {self._runpod.key_file.read_text().strip()}"}
        for pod in self.bill(prefix)["pods"]:
            if pod["terminated_at"] is None:
                self._http.delete(f"/v2/pods/{pod['id']}", headers=key)


@pytest.fixture
def cloud(stack: Stack) -> Iterator[Cloud]:
    assert stack.runpod is not None
    with httpx.Client(base_url=stack.runpod.url, timeout=30.0) as http:
        yield Cloud(stack.runpod, http)


class Fleet:
    """One deployment: its workers, its pods, what is restored on them, and the audit of it all."""

    until = staticmethod(until)
    throughout = staticmethod(throughout)

    def __init__(self, stack: Stack, cloud: Cloud, engines: Path, photo: Path) -> None:
        self.stack, self.cloud = stack, cloud
        self.client = ApiClient(connect(None, None, stack.data))
        self.attempts: list[UUID] = []
        self._engines, self._photo = engines, photo
        self._workers: list[Worker] = []
        self._settings = stack.settings.model_copy(
            update={
                "environment": f"e{uuid4().hex[:8]}",
                "pod_image": POD_IMAGE,
                "image_pods_max": 1,
                "pod_away_seconds": 3.0,
                "max_retries": 3,
            }
        )

    @property
    def prefix(self) -> str:
        """How the names of its pods begin."""
        return f"rk-{self._settings.environment}-"

    def worker(self, **terms: Any) -> Worker:
        """A running worker process, on further terms."""
        self._settings = self._settings.model_copy(update=terms)
        variables = as_environment(self._settings)
        folder = self.stack.data / f"worker-{self._settings.environment}-{len(self._workers)}"
        worker = Worker(folder, self.stack.temporal.address, variables=lambda: variables)
        self._workers.append(worker)
        worker.start()
        return worker

    def close(self) -> None:
        """Leave nothing to the next test, whatever happened in this one."""
        for part in (self.stack.temporal, self.stack.api):
            if not part.is_running:
                part.start()
        for worker in self._workers:
            worker.stop()
        self.ask(self._end_owners)
        self.cloud.clear(self.prefix)
        self.client.__exit__()

    async def _end_owners(self, temporal: Client) -> None:
        async for owner in temporal.list_workflows("ExecutionStatus = 'Running'"):
            if not owner.id.startswith("job-"):
                with contextlib.suppress(Exception):
                    await temporal.get_workflow_handle(owner.id).terminate("the test is over")

    # -- What operators and the scheduler do ---------------------------------------------------

    def ask(self, what: Callable[[Client], Awaitable[Found]]) -> Found:
        """Do something with a connection to Temporal."""

        async def asked() -> Found:
            where = self.stack.addresses
            return await what(await connect_temporal(where.temporal, where.temporal_namespace))

        return asyncio.run(asked())

    def own(self, number: int) -> None:
        """Have a pod of this number."""
        assert self.ask(lambda temporal: TemporalPodOwners(temporal).start(IMAGE, number))

    def drain(self) -> None:
        """Have every pod returned, without waiting for it."""

        async def each(temporal: Client) -> None:
            owners = TemporalPodOwners(temporal)
            for number in range(self._settings.image_pods_max):
                await owners.drain(IMAGE, number)

        self.ask(each)

    def look(self) -> str:
        """Have the fleet looked at, as the schedule does; why it was decided so."""
        self.ask(
            lambda temporal: temporal.execute_workflow(
                AUTOSCALE_PODS, id=f"look-{uuid4()}", task_queue=queues.CONTROL
            )
        )
        return str(self.rows("select reason from fleet_decisions where gpu_class = 'image'")[0])

    def pause(self) -> None:
        """Pause the schedule that looks at the fleet."""
        assert self.ask(lambda t: TemporalSchedules(t, ()).pause(AUTOSCALE_SCHEDULE, "a test"))

    def resume(self) -> None:
        """Let the schedule go on."""
        assert self.ask(lambda t: TemporalSchedules(t, ()).resume(AUTOSCALE_SCHEDULE, "a test"))

    # -- What people do --------------------------------------------------------------------------

    def restore(self) -> Attempt:
        """A photo of its own, and a restore of it."""
        job = self.client.upload(self._photo, "someone@example.org")
        attempt = self.client.restore(job["id"], WISHES)
        self.attempts.append(UUID(attempt.id))
        return attempt

    def restore_paid(self, job_id: str) -> UUID:
        """The same for work that somebody has paid for."""
        pack = load_pack(GRAPH)
        order = RenderInput(
            job_id=UUID(job_id),
            attempt_id=uuid4(),
            kind=AttemptKind.RESTORE,
            source_key=keys.working(UUID(job_id)),
            output_key=keys.restored_master(UUID(job_id), "paid"),
            stamp="paid",
            graph=GRAPH,
            graph_version=pack.manifest.version,
            gpu_class=IMAGE,
            parameters=complete(pack, {"megapixels": 0.1}, seed=7),
            priority=Priority.PAID,
            fairness_key="0" * 16,
        )
        self.ask(
            lambda temporal: temporal.start_workflow(
                renders.RENDER,
                order,
                id=renders.workflow_id(order.attempt_id),
                task_queue=queues.CONTROL,
                priority=TaskPriority(priority_key=order.priority),
            )
        )
        self.attempts.append(order.attempt_id)
        return order.attempt_id

    def succeeds(self, attempt_id: UUID | str) -> Row:
        """The attempt's row once it has succeeded."""

        def ended() -> Row | None:
            (row,) = self.rows("select * from attempts where id = %(id)s", id=attempt_id)
            return row if row["status"] not in ("queued", "running") else None

        row = until(ended, f"{attempt_id} ended")
        assert row is not None
        assert (row["status"], row["error_code"]) == ("succeeded", None)
        return row

    # -- What is there ---------------------------------------------------------------------------

    def rows(self, statement: str, **values: Any) -> list[Row]:
        """The database, read past the system."""
        with psycopg.connect(
            self.stack.addresses.database, row_factory=dict_row, autocommit=True
        ) as connection:
            return connection.execute(statement, values).fetchall()

    def pods(self) -> list[Row]:
        """Our ledger of this deployment's pods, by number and generation."""
        return self.rows(
            "select * from pods where starts_with(id, %(prefix)s) order by number, generation",
            prefix=self.prefix,
        )

    def ready(self) -> list[Row]:
        """Our rows of pods that can take work."""
        return [row for row in self.pods() if row["state"] == "ready"]

    def bill(self) -> list[Row]:
        """Every pod of this deployment that was ever billed, oldest first."""
        return list(self.cloud.bill(self.prefix)["pods"])

    def alive(self) -> list[str]:
        """Ids of the pods that are not terminated."""
        return [pod["id"] for pod in self.bill() if pod["terminated_at"] is None]

    @contextlib.contextmanager
    def locked(self, pod_id: str) -> Iterator[None]:
        """Nobody else can write a pod's row."""
        with psycopg.connect(self.stack.addresses.database) as connection:
            connection.execute("select 1 from pods where id = %s for update", [pod_id])
            yield

    def runs(self, attempt_id: UUID | str) -> list[str | None]:
        """Outcomes of all prompts of an attempt, on whichever engine, in order; None without."""
        mine = {str(uuid5(UUID(str(attempt_id)), f"try-{n}")) for n in range(1, MOST_TRIES)}
        accepted: list[tuple[float, str, str]] = []
        outcomes: dict[str, str] = {}
        for ledger in self._engines.glob("*/simulator-ledger.jsonl"):
            for line in map(json.loads, ledger.read_text().splitlines()):
                run = f"{ledger.parent.name}/{line.get('run')}"
                if line["event"] == "accepted" and line["prompt_id"] in mine:
                    accepted.append((line["at"], line["prompt_id"], run))
                elif line["event"] == "ended":
                    outcomes[run] = line["outcome"]
        assert len({prompt for _, prompt, _ in accepted}) == len(accepted), "posted twice"
        return [outcomes.get(run) for _, _, run in sorted(accepted)]

    def awaits_prompts(self, attempt_id: UUID | str, count: int = 1) -> None:
        """Return when an engine has begun so many prompts of an attempt."""
        until(lambda: len(self.runs(attempt_id)) == count, f"prompt {count} of {attempt_id}")

    def hold(self) -> None:
        """Stop every prompt at its last node, as from the beginning of a pod's life."""
        self._pace(HELD)

    def release(self) -> None:
        """Let the prompts go that stand at their last node, and those that follow."""
        self._pace({})

    def _pace(self, delays: dict[str, float]) -> None:
        for pod in self.alive():
            url = f"{self.cloud.engine(pod)}/simulator/faults"
            httpx.post(url, json={"node_delay": delays}).raise_for_status()

    # -- The audit -------------------------------------------------------------------------------

    def audit(self) -> list[Row]:
        """The bill once everything is returned, held against our rows and the engines."""
        self.drain()
        until(lambda: not self.alive(), "every pod returned")
        until(lambda: all(row["terminated_at"] for row in self.pods()), "every row closed")
        bill = self.cloud.bill(self.prefix)
        owned = {row["cloud_id"]: row for row in self.pods()}
        faults = {
            "billed without an owner": [p for p in bill["pods"] if p["id"] not in owned],
            "billed still": [p for p in bill["pods"] if p["is_billed"] or not p["ended_by"]],
            "owned without a bill": owned.keys() - {pod["id"] for pod in bill["pods"]} - {None},
            "other seconds": [p for p in bill["pods"] if not _agree(p, owned.get(p["id"]))],
            "without exactly one end": self._ends(),
            "succeeded without exactly one prompt that did": self._renders(),
        }
        assert not any(faults.values()), {what: found for what, found in faults.items() if found}
        assert bill["most_at_once"] <= self._settings.image_pods_max
        return list(bill["pods"])

    def _ends(self) -> list[tuple[UUID, str, int]]:
        told = Counter(
            row["attempt_id"]
            for row in self.rows(
                "select attempt_id from job_events where kind in "
                "('attempt.succeeded', 'attempt.failed', 'attempt.canceled')"
            )
        )
        rows = {row["id"]: row for row in self.rows("select id, status from attempts")}
        return [
            (attempt, rows[attempt]["status"], told[attempt])
            for attempt in self.attempts
            if rows[attempt]["status"] in ("queued", "running") or told[attempt] != 1
        ]

    def _renders(self) -> list[tuple[UUID, list[str | None]]]:
        rows = {row["id"]: row for row in self.rows("select id, status from attempts")}
        wanted = {id_: int(rows[id_]["status"] == "succeeded") for id_ in self.attempts}
        runs = {id_: self.runs(id_) for id_ in self.attempts}
        return [(id_, runs[id_]) for id_ in wanted if runs[id_].count("success") != wanted[id_]]


def _agree(billed: Row, row: Row | None) -> bool:
    """Whether our ledger has the seconds that were billed, within 1 % or 2 s."""
    if row is None:
        return False
    ours = (row["terminated_at"] - row["rented_at"]).total_seconds()
    return bool(abs(ours - billed["seconds"]) <= max(2.0, 0.01 * billed["seconds"]))


@pytest.fixture
def fleet(stack: Stack, cloud: Cloud, engines_folder: Path, photo: Path) -> Iterator[Fleet]:
    fleet = Fleet(stack, cloud, engines_folder, photo)
    yield fleet
    fleet.close()

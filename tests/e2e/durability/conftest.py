"""A whole stack of real processes, somebody who works with it, and an auditor.

The auditor looks only at what the system cannot write: the engine's prompt ledger, the listing of
the bucket, Temporal's own lists. The rows are what is audited, never the witness.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import boto3
import cv2
import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from skimage.data import astronaut
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from deploy.cli.client import ApiClient
from deploy.cli.connection import connect
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack
from deploy.stack.test_cards import drawing_cards
from rekindle.contracts import jobs, keys, renders
from rekindle.settings import Settings

Row = dict[str, Any]
EMAIL = "someone@example.org"
GRAPH = {"graph": "restore", "megapixels": 0.1, "seed": 5}
MOST_TRIES = 9


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack whose engine draws test cards instead of using models."""
    with running_stack(
        tmp_path_factory.mktemp("stack"),
        settings=Settings(_env_file=None, default_graph="restore"),
        comfyui_arguments=drawing_cards("restore"),
    ) as stack:
        yield stack


@pytest.fixture
def client(stack: Stack) -> Iterator[ApiClient]:
    with ApiClient(connect(None, None, stack.data)) as client:
        yield client


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    picture = astronaut()  # type: ignore[no-untyped-call]
    cv2.imwrite(str(path), picture[:160, :200, ::-1])
    return path


class EngineControl:
    """The small ComfyUI: how slow it is, and its ledger."""

    def __init__(self, stack: Stack) -> None:
        assert stack.comfyui is not None
        self._url = stack.comfyui.url

    def pace(self, seconds: float) -> None:
        """Make every sampler take so long, also the one that runs."""
        plan = {"node_delay": {"KSampler": seconds} if seconds else {}}
        httpx.post(f"{self._url}/simulator/faults", json=plan, timeout=60).raise_for_status()

    def hold(self) -> None:
        """Stop every prompt at its sampler."""
        self.pace(600.0)

    def runs(self) -> list[Row]:
        """Everything that it was ever given."""
        return list(httpx.get(f"{self._url}/simulator/ledger", timeout=60).json()["runs"])

    def runs_of(self, attempt_id: str) -> list[str | None]:
        """Outcomes of all prompts of an attempt, in order."""
        mine = prompts_of(UUID(attempt_id))
        return [run["outcome"] for run in self.runs() if run["prompt_id"] in mine]


def prompts_of(attempt_id: UUID) -> set[str]:
    """The prompts that an attempt may have posted."""
    return {str(uuid5(attempt_id, f"try-{number}")) for number in range(1, MOST_TRIES)}


@pytest.fixture
def engine(stack: Stack) -> Iterator[EngineControl]:
    control = EngineControl(stack)
    yield control
    control.pace(0)


class Rows:
    """The database, read past the system."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.addresses.database

    def all(self, statement: str, **values: Any) -> list[Row]:
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(statement, values).fetchall()

    def await_stage(self, attempt_ids: list[str], stage: str, *, seconds: float = 60.0) -> None:
        """Return as soon as one of these attempts is at a stage."""
        until = time.monotonic() + seconds
        question = "select 1 from attempts where id = any(%(ids)s::uuid[]) and stage = %(s)s"
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not connection.execute(question, {"ids": attempt_ids, "s": stage}).fetchone():
                assert time.monotonic() < until, f"none of {attempt_ids} came to {stage}"
                time.sleep(0.005)


@pytest.fixture
def rows(stack: Stack) -> Rows:
    return Rows(stack)


@dataclass
class Answer:
    """What a caller got, and how long that took."""

    status: int | None
    """None when nobody answered."""
    code: str | None
    seconds: float
    document: Row = field(default_factory=dict)


class Caller:
    """Calls the API once, without any patience of its own, and keeps what it was promised."""

    def __init__(self, stack: Stack) -> None:
        connection = connect(None, None, stack.data)
        self._http = httpx.Client(
            base_url=connection.api,
            headers={"Authorization": f"Bearer {connection.token}"},
            timeout=60.0,
        )
        self.jobs: set[str] = set()
        self.attempts: set[str] = set()

    def close(self) -> None:
        self._http.close()

    def upload(self, photo: Path) -> Answer:
        with photo.open("rb") as file:
            answer = self._ask(
                "POST", "/api/v1/jobs/upload", data={"email": EMAIL}, files={"photo": file}
            )
        return self._kept_job(answer)

    def restore(self, job_id: str) -> Answer:
        answer = self._ask("POST", f"/api/v1/jobs/{job_id}/restore", json=GRAPH)
        if answer.status == 202:
            self.attempts.add(answer.document["id"])
        return answer

    def look(self, job_id: str) -> Answer:
        return self._ask("GET", f"/api/v1/jobs/{job_id}")

    def upload_in_halves(self, photo: Path) -> "HalfUpload":
        """Begin an upload; the second half waits for `finish`."""
        return HalfUpload(self, photo)

    def at_once(self, *calls: Callable[[], Answer]) -> list[Answer]:
        """Several calls side by side."""
        with ThreadPoolExecutor(len(calls)) as pool:
            return [each.result() for each in [pool.submit(call) for call in calls]]

    def _kept_job(self, answer: Answer) -> Answer:
        if answer.status == 201:
            self.jobs.add(answer.document["id"])
        return answer

    def _ask(self, method: str, path: str, **request: Any) -> Answer:
        began = time.monotonic()
        try:
            reply = self._http.request(method, path, **request)
        except httpx.TransportError:
            return Answer(None, None, time.monotonic() - began)
        document = reply.json()
        return Answer(reply.status_code, document.get("code"), time.monotonic() - began, document)


class HalfUpload:
    """An upload that is under way for as long as the test likes."""

    def __init__(self, caller: Caller, photo: Path) -> None:
        self._caller, self._photo = caller, photo
        self._half_sent, self._go = threading.Event(), threading.Event()
        self._answer: Answer | None = None
        self._finished_at = time.monotonic()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        assert self._half_sent.wait(60)

    def finish(self) -> Answer:
        """Send the rest; the answer's seconds count from here."""
        self._finished_at = time.monotonic()
        self._go.set()
        self._thread.join(60)
        assert self._answer is not None, "the upload hangs"
        return self._answer

    def _send(self) -> None:
        mark = "boundary-of-a-form"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="email"\r\n\r\n{EMAIL}\r\n'
        head += f'--{mark}\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n'
        body = head.encode() + self._photo.read_bytes() + f"\r\n--{mark}--\r\n".encode()

        def pieces() -> Iterator[bytes]:
            yield body[: len(body) // 2]
            self._half_sent.set()
            self._go.wait(60)
            yield body[len(body) // 2 :]

        answer = self._caller._ask(
            "POST",
            "/api/v1/jobs/upload",
            content=pieces(),
            headers={
                "Content-Type": f"multipart/form-data; boundary={mark}",
                "Content-Length": str(len(body)),
            },
        )
        answer.seconds = time.monotonic() - self._finished_at
        self._answer = self._caller._kept_job(answer)


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    caller = Caller(stack)
    yield caller
    caller.close()


@dataclass
class Findings:
    """What an audit counted; every list of faults was empty."""

    jobs: int
    attempts: int
    prompts: int
    objects: int
    workflows: int


class Auditor:
    """Compares the rows with the witnesses, over everything that ever happened in the stack."""

    def __init__(self, stack: Stack, engine: EngineControl, rows: Rows) -> None:
        self._stack, self._engine, self._rows = stack, engine, rows

    def audit(self, caller: Caller) -> Findings:
        """Raise an assertion error that names every fault; call it when all has ended."""
        self._jobs = self._rows.all("select * from jobs")
        self._attempts = self._rows.all("select * from attempts")
        workflows = asyncio.run(self._workflows())
        faults = {
            "promised to a caller, but not there": self._broken_promises(caller),
            "attempts without exactly one end": self._ends(),
            "prompts that ran for nobody or once too often": self._prompts(),
            "objects and rows that do not match": self._objects(),
            "workflows that do not match their rows": self._unmatched(workflows),
        }
        assert not any(faults.values()), {what: found for what, found in faults.items() if found}
        return Findings(
            jobs=len(self._jobs),
            attempts=len(self._attempts),
            prompts=len(self._engine.runs()),
            objects=len(self._listing()),
            workflows=len(workflows),
        )

    def _broken_promises(self, caller: Caller) -> set[str]:
        there = {str(row["id"]) for row in (*self._jobs, *self._attempts)}
        return (caller.jobs | caller.attempts) - there

    def _ends(self) -> list[tuple[str, str, int]]:
        told = Counter(
            row["attempt_id"]
            for row in self._rows.all(
                "select attempt_id from job_events where kind in "
                "('attempt.succeeded', 'attempt.failed', 'attempt.canceled')"
            )
        )
        return [
            (str(row["id"]), row["status"], told[row["id"]])
            for row in self._attempts
            if row["status"] not in ("succeeded", "failed", "canceled") or told[row["id"]] != 1
        ]

    def _prompts(self) -> list[Any]:
        runs = self._engine.runs()
        owners = {p: row["id"] for row in self._attempts for p in prompts_of(row["id"])}
        finished = Counter(owners.get(r["prompt_id"]) for r in runs if r["outcome"] == "success")
        posted = Counter(run["prompt_id"] for run in runs)
        return [
            *(run for run in runs if run["prompt_id"] not in owners or run["outcome"] is None),
            *((str(owner), count) for owner, count in finished.items() if count > 1),
            *((prompt, count) for prompt, count in posted.items() if count > 1),
            *(
                (str(row["id"]), row["status"], finished[row["id"]])
                for row in self._attempts
                if row["status"] == "succeeded" and finished[row["id"]] != 1
            ),
        ]

    def _objects(self) -> list[str]:
        listed = self._listing()
        wanted = {
            key: size
            for job in self._jobs
            for key, size in (
                (job["original_key"], job["original_bytes"]),
                (job["working_key"], None),
            )
        }
        allowed = set(wanted)
        for row in self._attempts:
            # A row that ended without a result still owns what its try had stored.
            master = keys.restored_master(row["job_id"], row["stamp"])
            made = (
                master,
                keys.restored_preview(row["job_id"], row["stamp"]),
                keys.thumbnail(row["job_id"], row["stamp"]),
            )
            allowed.update(made)
            if row["status"] == "succeeded":
                wanted.update(dict.fromkeys(made))
        return [
            *(f"no row: {key}" for key in listed if key not in allowed),
            *(f"no object: {key}" for key in wanted if key not in listed),
            *(
                f"wrong size: {k}"
                for k, size in wanted.items()
                if size not in (None, listed.get(k))
            ),
            *(f"half uploaded: {key}" for key in self._unfinished_uploads()),
        ]

    def _listing(self) -> dict[str, int]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}

    def _unfinished_uploads(self) -> list[str]:
        answer = self._s3.list_multipart_uploads(Bucket=self._bucket)
        return [found["Key"] for found in answer.get("Uploads", [])]

    @property
    def _bucket(self) -> str:
        return self._stack.settings.s3_bucket

    @property
    def _s3(self) -> Any:
        settings = self._stack.settings
        assert settings.aws_secret_access_key is not None
        return boto3.client(
            "s3",
            region_name=settings.aws_region,
            endpoint_url=settings.s3_endpoint_url,
            aws_access_key_id=settings.aws_access_key_id,
            aws_secret_access_key=settings.aws_secret_access_key.get_secret_value(),
        )

    async def _workflows(self) -> list[WorkflowExecution]:
        temporal = await Client.connect(self._stack.addresses.temporal)
        while True:  # visibility follows a little later
            found = [each async for each in temporal.list_workflows()]
            troubled = await temporal.count_workflows("TemporalReportedProblems IS NOT NULL")
            assert troubled.count == 0, "workflow tasks fail"
            if not any(e.workflow_type == renders.RENDER and is_open(e) for e in found):
                return found
            await asyncio.sleep(0.05)

    def _unmatched(self, workflows: list[WorkflowExecution]) -> list[str]:
        ended = {
            "succeeded": WorkflowExecutionStatus.COMPLETED,
            "failed": WorkflowExecutionStatus.COMPLETED,
            "canceled": WorkflowExecutionStatus.CANCELED,
        }
        rendered = {w.id: w.status for w in workflows if w.workflow_type == renders.RENDER}
        runs = Counter(w.id for w in workflows if w.workflow_type == renders.RENDER)
        wanted = {renders.workflow_id(r["id"]): ended.get(r["status"]) for r in self._attempts}
        photos = {w.id for w in workflows if w.workflow_type == jobs.PHOTO_JOB and is_open(w)}
        return [
            *(f"{a}: {rendered.get(a)}, row {wanted.get(a)}" for a in rendered.keys() ^ wanted),
            *(f"{a}: {rendered[a]}, row {wanted[a]}" for a in rendered if wanted[a] != rendered[a]),
            *(f"{a}: {count} runs" for a, count in runs.items() if count != 1),
            *(
                f"open without a row: {a}"
                for a in photos - {jobs.workflow_id(j["id"]) for j in self._jobs}
            ),
        ]


def is_open(execution: WorkflowExecution) -> bool:
    return execution.status is WorkflowExecutionStatus.RUNNING


@pytest.fixture
def auditor(stack: Stack, engine: EngineControl, rows: Rows) -> Auditor:
    return Auditor(stack, engine, rows)

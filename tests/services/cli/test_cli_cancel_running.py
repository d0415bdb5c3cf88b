"""`rekindle cancel` against a running API, worker and engine, wherever the attempt is."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import cv2
import httpx
import numpy as np
import pytest

from deploy.cli.client import ApiClient, Attempt
from deploy.cli.connection import connect
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.stack.services import Worker
from rekindle.contracts.renders import GraphRun

pytestmark = pytest.mark.slow

T = TypeVar("T")

UPLOAD = "POST /upload/image"


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory,
    temporal_server: EmbeddedTemporal,
    shared_engine: Any,
    cli_variables: dict[str, str],
) -> Iterator[Worker]:
    """A worker process that renders on the engine without models."""
    variables = {**cli_variables, "COMFYUI_URL": shared_engine.url, "MAX_RETRIES": "0"}
    folder = tmp_path_factory.mktemp("cli-worker")
    with Worker(folder, temporal_server.address, variables=lambda: variables) as worker:
        yield worker


class Developer:
    """Whom the commands speak for: their job, and the engine behind it."""

    def __init__(self, client: ApiClient, engine: Any, photo: Path) -> None:
        self._client, self._engine = client, engine
        self.job_id = str(client.upload(photo, "ada@example.com")["id"])

    def restores(self, seed: int = 1) -> Attempt:
        wish = {"graph": "restore_classic", "megapixels": 0.1 + seed / 1000}
        return self._client.restore(self.job_id, wish)

    def sees(self, attempt: Attempt, is_so: Callable[[Attempt], bool]) -> Attempt:
        """The attempt as soon as it is as described."""
        return until(lambda: self._client.attempt(self.job_id, attempt.id), is_so)

    def holds_prompts(self) -> None:
        """No node begins until the engine's plan changes."""
        self.plans(node_delay={"*": 3600.0})

    def plans(self, **plan: Any) -> None:
        httpx.post(f"{self._engine.url}/simulator/faults", json=plan, timeout=60).raise_for_status()

    def faults_left(self) -> int:
        """How many are still to happen."""
        plan = httpx.get(f"{self._engine.url}/simulator/faults", timeout=60).json()
        return sum(fault["count"] for fault in plan["faults"])

    def prompts(self) -> set[str]:
        """Those that the engine runs or has waiting."""
        queue = httpx.get(f"{self._engine.url}/queue", timeout=60).json()
        return {item[1] for item in (*queue["queue_running"], *queue["queue_pending"])}

    def outcomes(self, attempt: Attempt) -> list[str]:
        return [one["outcome"] for one in self._engine.runs(prompt_of(attempt))]


def prompt_of(attempt: Attempt) -> UUID:
    """The id of the prompt of an attempt's first try."""
    return GraphRun(
        job_id=UUID(attempt.job_id),
        attempt_id=UUID(attempt.id),
        try_number=1,
        graph="restore_classic",
        graph_version="1",
        parameters={},
        source_key="",
        output_key="",
    ).prompt_id


def until(look: Callable[[], T], is_so: Callable[[T], bool], seconds: float = 60) -> T:
    deadline = time.monotonic() + seconds
    while not is_so(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.05)
    return seen


@pytest.fixture
def developer(
    worker: Worker, running_api: Path, engine: Any, temporal: Any, tmp_path: Path
) -> Iterator[Developer]:
    """`temporal` ends what a test leaves behind."""
    photo = tmp_path / "photo.png"
    noise = np.random.default_rng(uuid4().int).integers(0, 255, (60, 80, 3))
    cv2.imwrite(str(photo), noise.astype(np.uint8))  # no result of an earlier test is reused
    with ApiClient(connect(None, None, running_api)) as client:
        yield Developer(client, engine, photo)
    engine.delay()


def test_what_runs_is_stopped_and_its_slot_is_free_again(
    developer: Developer, rekindle: Any, answer: Any
) -> None:
    developer.holds_prompts()
    attempt = developer.restores()
    prompt = str(prompt_of(attempt))
    until(developer.prompts, lambda prompts: prompt in prompts)

    ended = answer(rekindle("cancel", attempt.job_id, "--json"))
    assert [(each["id"], each["status"]) for each in ended["attempts"]] == [
        (attempt.id, "canceled")
    ]
    until(developer.prompts, lambda prompts: not prompts)
    assert developer.outcomes(attempt) == ["interrupted"]

    again = rekindle("cancel", attempt.job_id)
    assert (again.exit_code, "Nothing to cancel" in again.stdout) == (0, True)
    developer.plans()
    following = developer.sees(developer.restores(seed=2), lambda each: each.is_final)
    assert following.status == "succeeded"
    assert developer.outcomes(attempt) == ["interrupted"]


def test_one_of_two_attempts_is_stopped_and_the_other_goes_on(
    developer: Developer, rekindle: Any
) -> None:
    developer.holds_prompts()
    attempts = [developer.restores(seed=n) for n in (1, 2)]
    until(developer.prompts, lambda prompts: bool(prompts))
    stopped = rekindle("cancel", developer.job_id, attempts[1].id)
    assert (stopped.exit_code, stopped.stdout) == (0, f"{attempts[1].id}  canceled\n")
    developer.plans()
    first = developer.sees(attempts[0], lambda each: each.is_final)
    assert first.status == "succeeded"
    assert "success" not in developer.outcomes(attempts[1])
    late = rekindle("cancel", developer.job_id, first.id)
    assert (late.exit_code, late.stdout) == (0, f"{first.id}  succeeded\n")


def test_while_the_photo_is_on_its_way_to_the_engine_nothing_is_ever_run(
    developer: Developer, rekindle: Any, answer: Any
) -> None:
    developer.plans(faults=[{"kind": "slow", "route": UPLOAD, "seconds": 60.0}])
    attempt = developer.restores()
    until(developer.faults_left, lambda left: not left)  # the engine is being sent the photo
    staging = developer.sees(attempt, lambda each: each.stage == "staging")
    assert staging.status == "running"

    ended = answer(rekindle("cancel", attempt.job_id, "--json"))
    assert [each["status"] for each in ended["attempts"]] == ["canceled"]
    assert developer.prompts() == set()
    following = developer.sees(developer.restores(seed=2), lambda each: each.is_final)
    assert following.status == "succeeded"
    assert developer.outcomes(attempt) == []
    seen = developer.sees(attempt, lambda each: each.is_final)
    assert (seen.status, seen.document["preview_url"]) == ("canceled", None)

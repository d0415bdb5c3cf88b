"""Whom commands speak for: somebody with a job, and the engine behind it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx

from deploy.cli.client import ApiClient, Attempt
from rekindle.contracts.renders import GraphRun

T = TypeVar("T")


class Developer:
    """Whom the commands speak for: their job, and the engine behind it."""

    def __init__(self, client: ApiClient, engine: Any, photo: Path) -> None:
        self._client, self._engine = client, engine
        self.photo = photo
        self.job_id = str(client.upload(photo, "ada@example.com")["id"])

    def restores(self, seed: int = 1) -> Attempt:
        wish = {"graph": "restore_classic", "megapixels": 0.1 + seed / 1000}
        return self._client.restore(self.job_id, wish)

    def animates(self, **wish: Any) -> Attempt:
        """Small and short; what is given goes before."""
        small = {"graph": "animate_classic", "seconds": 2, "fps": 12, "megapixels": 0.1}
        return self._client.animate(self.job_id, {**small, **wish})

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
        graph="",
        graph_version="",
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

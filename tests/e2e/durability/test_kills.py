"""Real processes, killed with SIGKILL in the middle of work: nothing lost, nothing done twice."""

import time
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.client import ApiClient, Attempt
from deploy.stack.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

GRAPH = {"graph": "restore", "megapixels": 0.1, "seed": 5}
PATIENCE_SECONDS = 30.0
"""No call may take longer while a part is away: five for Temporal's answer, the rest for a slow
machine."""

REFUSED_WITH = {
    "worker": {"workflows_unavailable"},
    "temporal": {"workflows_unavailable"},
    "postgres": {"database_unavailable"},
    "s3": {"storage_unavailable"},
}


@pytest.mark.parametrize("service", ["api", "temporal", "postgres", "s3", "worker"])
def test_killed_in_the_middle_of_work_everything_accepted_ends_once(
    service: str,
    stack: Stack,
    photo: Path,
    caller: Any,
    engine: Any,
    rows: Any,
    auditor: Any,
) -> None:
    """Killed while one photo renders, others wait and one is uploaded; again while one is
    finalized. Every accepted attempt succeeds with one prompt.
    """
    process = getattr(stack, service)
    engine.hold()
    photos = [caller.upload(photo).document["id"] for _ in range(2)]
    attempts = [caller.restore(job_id).document["id"] for job_id in (*photos, photos[0])]
    rows.await_stage(attempts, "rendering")
    half = caller.upload_in_halves(photo)

    process.kill()
    answers = caller.at_once(
        lambda: caller.look(photos[0]),
        lambda: caller.upload(photo),
        lambda: caller.restore(photos[1]),
        half.finish,
    )
    assert_told_quickly(service, answers)
    others = [part for part in stack.parts if part is not process]
    assert all(part.is_running for part in others), "an outage took another process with it"
    process.start()

    attempts.append(accepted(caller, photos[1]))
    engine.pace(0.3)
    rows.await_stage(attempts, "finalizing")
    process.kill()
    process.start()
    settled = ends(rows)
    assert [settled[each] for each in attempts] == [("succeeded", None)] * len(attempts)
    assert [engine.runs_of(each) for each in attempts] == [["success"]] * len(attempts)
    print(auditor.audit(caller))


def assert_told_quickly(service: str, answers: list[Any]) -> None:
    """What cannot be done is refused with its own code, in time; nothing hangs or crashes."""
    assert max(answer.seconds for answer in answers) < PATIENCE_SECONDS, answers
    statuses = {answer.status for answer in answers}
    if service == "api":
        assert statuses == {None}
        return
    assert statuses <= {200, 201, 202, 503}, answers
    assert {a.code for a in answers if a.status == 503} == REFUSED_WITH[service]


def accepted(caller: Any, job_id: str) -> str:
    """A further attempt as soon as the service takes one again."""
    until = time.monotonic() + 60
    while (answer := caller.restore(job_id)).status != 202:
        assert answer.status in (None, 503), answer
        assert time.monotonic() < until, answer
    return str(answer.document["id"])


def ends(rows: Any) -> dict[str, tuple[str, str | None]]:
    """How every attempt there is ended, once all have."""
    until = time.monotonic() + 120
    while True:
        found = rows.all("select id, status, stage, error_code from attempts")
        if not any(row["stage"] for row in found):
            return {str(row["id"]): (row["status"], row["error_code"]) for row in found}
        assert time.monotonic() < until, [row for row in found if row["stage"]]
        time.sleep(0.05)


def begun(client: ApiClient, photo: Path) -> Attempt:
    job = client.upload(photo, "someone@example.org")
    attempt = client.restore(job["id"], GRAPH)
    while attempt.stage != "rendering" or attempt.progress < 0.2:
        assert not attempt.is_final, attempt.document
        attempt = client.attempt(attempt.job_id, attempt.id)
    return attempt


def finished(client: ApiClient, attempt: Attempt) -> Attempt:
    return client.follow(attempt, seen=lambda _: None)


def test_a_worker_that_leaves_in_order_hands_its_prompt_over(
    stack: Stack, client: ApiClient, photo: Path, engine: Any, caller: Any, auditor: Any
) -> None:
    engine.hold()
    attempt = begun(client, photo)
    stack.worker.stop()
    engine.pace(0)
    stack.worker.start()
    ended = finished(client, attempt)
    assert (ended.status, ended.document["error"]) == ("succeeded", None)
    assert engine.runs_of(attempt.id) == ["success"]
    auditor.audit(caller)


def test_an_engine_killed_in_mid_graph_costs_one_more_try(
    stack: Stack, client: ApiClient, photo: Path, engine: Any, caller: Any, auditor: Any
) -> None:
    engine.hold()
    attempt = begun(client, photo)
    assert stack.comfyui is not None
    stack.comfyui.kill()
    stack.comfyui.start()
    engine.pace(0)
    ended = finished(client, attempt)
    assert (ended.status, ended.document["error"]) == ("succeeded", None)
    assert engine.runs_of(attempt.id) == ["lost", "success"]
    auditor.audit(caller)

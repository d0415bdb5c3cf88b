"""`rekindle cancel` against a running API, worker and engine, wherever the attempt is."""

from typing import Any

import pytest

from tests.services.cli.developer import Developer, prompt_of, until

pytestmark = pytest.mark.slow

UPLOAD = "POST /upload/image"


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

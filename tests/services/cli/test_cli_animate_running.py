"""`rekindle animate` against a running API, worker and engine; and stopped wherever it is."""

import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from deploy.cli.client import Attempt
from tests.services.cli.developer import Developer, prompt_of, until

pytestmark = pytest.mark.slow

_SHORT = ("--graph", "animate_classic", "--seconds", "2", "--fps", "12")
_UPLOAD = "POST /upload/image"
_RESULT = "GET /view"


@pytest.fixture
def restored(developer: Developer) -> Attempt:
    """The chosen restoration of the developer's job."""
    attempt = developer.sees(developer.restores(), lambda each: each.is_final)
    assert attempt.status == "succeeded"
    return attempt


def frames_of(clip: Path) -> tuple[int, float]:
    """How many frames a decoder finds, and how many it says there are in a second."""
    video = cv2.VideoCapture(str(clip))
    try:
        count = 0
        while video.read()[0]:
            count += 1
        return count, float(video.get(cv2.CAP_PROP_FPS))
    finally:
        video.release()


def test_a_photo_becomes_a_clip(
    developer: Developer, rekindle: Any, answer: Any, tmp_path: Path
) -> None:
    out = tmp_path / "further" / "clip.mp4"
    wish = (*_SHORT, "--motion", "drift", "--prompt", "Nothing.", "--seed", "5")
    clip = answer(rekindle("animate", str(developer.photo), "--out", str(out), *wish, "--json"))
    assert (clip["status"], clip["seconds"], clip["fps"]) == ("succeeded", 2, 12)
    assert (clip["parameters"]["motion"], clip["seed"]) == ("drift", 5)
    assert clip["out"] == str(out)
    assert frames_of(out) == (24, 12)

    job = answer(rekindle("status", clip["job_id"], "--json"))
    [restoration] = job["restores"]
    [listed] = job["animations"]
    assert clip["restore_id"] == restoration["id"] == job["selected_restore_id"]
    assert listed["id"] == clip["id"] == job["latest_animation_id"]
    shown = rekindle("status", clip["job_id"]).stdout
    assert f"* {clip['id']}  succeeded, animate_classic, seed 5" in shown
    assert "2 s at 12 fps" in shown


def test_of_a_job_the_chosen_restoration_becomes_a_clip(
    restored: Attempt, rekindle: Any, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    done = rekindle("animate", restored.job_id, "--out", str(out), *_SHORT)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{out}\n  a watermarked preview; job {restored.job_id}\n"
    assert frames_of(out) == (24, 12)


def test_a_job_that_was_not_restored_cannot_be_animated(
    developer: Developer, rekindle: Any, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    done = rekindle("animate", developer.job_id, "--out", str(out), "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (1, "nothing_selected")
    assert not out.exists()


def test_a_motion_that_is_unknown_is_answered_with_those_there_are(
    restored: Attempt, rekindle: Any, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    done = rekindle("animate", restored.job_id, "--out", str(out), "--motion", "roll", "--json")
    problem = json.loads(done.stdout)
    assert (done.exit_code, problem["code"]) == (1, "parameter_out_of_range")
    assert "push_in" in problem["message"]


def canceled(developer: Developer, clip: Attempt, rekindle: Any, answer: Any) -> None:
    """Cancel it, and look that nothing of it is left."""
    ended = answer(rekindle("cancel", clip.job_id, clip.id, "--json"))
    assert [(each["id"], each["status"]) for each in ended["attempts"]] == [(clip.id, "canceled")]
    seen = developer.sees(clip, lambda each: each.is_final)
    assert (seen.status, seen.document["preview_url"]) == ("canceled", None)
    again = rekindle("cancel", clip.job_id, clip.id)
    assert (again.exit_code, again.stdout) == (0, f"{clip.id}  canceled\n")


def test_it_is_stopped_while_it_renders_and_while_it_waits(
    developer: Developer, restored: Attempt, rekindle: Any, answer: Any
) -> None:
    developer.holds_prompts()
    first = developer.animates()
    prompt = str(prompt_of(first))
    until(developer.prompts, lambda prompts: prompt in prompts)
    second = developer.animates(motion="drift")
    assert developer.sees(second, lambda each: not each.is_final).stage in ("queued", "staging")
    canceled(developer, second, rekindle, answer)
    assert "success" not in developer.outcomes(second)
    canceled(developer, first, rekindle, answer)
    until(developer.prompts, lambda prompts: not prompts)
    assert developer.outcomes(first) == ["interrupted"]


def test_it_is_stopped_while_its_picture_is_on_its_way_to_the_engine(
    developer: Developer, restored: Attempt, rekindle: Any, answer: Any
) -> None:
    developer.plans(faults=[{"kind": "slow", "route": _UPLOAD, "seconds": 60.0}])
    clip = developer.animates()
    until(developer.faults_left, lambda left: not left)
    developer.sees(clip, lambda each: each.stage == "staging")
    canceled(developer, clip, rekindle, answer)
    assert developer.prompts() == set()
    assert developer.outcomes(clip) == []


def test_it_is_stopped_while_its_clip_is_on_its_way_home(
    developer: Developer, restored: Attempt, rekindle: Any, answer: Any
) -> None:
    developer.plans(faults=[{"kind": "slow", "route": _RESULT, "seconds": 60.0}])
    clip = developer.animates()
    until(developer.faults_left, lambda left: not left)
    developer.sees(clip, lambda each: each.stage == "finalizing")
    canceled(developer, clip, rekindle, answer)
    following = developer.sees(developer.animates(motion="drift"), lambda each: each.is_final)
    assert following.status == "succeeded"

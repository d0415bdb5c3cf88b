"""What a person reads while an attempt waits."""

import io
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from deploy.cli.client import Attempt
from deploy.cli.following import AttemptBar
from deploy.cli.waiting import duration, place_in_line, standing


def document(**changed: Any) -> dict[str, Any]:
    """As the API sends it; an older one leaves the last three out."""
    fixed = {"id": "a", "job_id": "j", "status": "queued", "stage": "queued", "progress": 0.0}
    return {**fixed, "links": {"self": "/a"}, **changed}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"queue_position": 3, "eta_seconds": 40}, "waiting, 3rd in line, about 40 s"),
        (
            {"stage": "provisioning", "queue_position": 1, "eta_seconds": 105},
            "starting a GPU, next in line, about 1 min 45 s",
        ),
        ({"queue_position": 2, "eta_seconds": None}, "waiting, 2nd in line"),
        ({}, "waiting"),
        (
            {"status": "running", "stage": "rendering", "queue_position": None, "eta_seconds": 5},
            "restoring, about 5 s",
        ),
        ({"status": "succeeded", "stage": None, "queue_position": None}, "succeeded"),
        ({"status": "running", "stage": "from_the_future"}, "running"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_attempt_is_told_in_words(changed: dict[str, Any], words: str) -> None:
    assert standing(document(**changed)) == words


@pytest.mark.parametrize(
    ("position", "words"),
    [(1, "next"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st"), (113, "113th")],
)
def test_a_place_in_line_is_an_ordinal(position: int, words: str) -> None:
    assert place_in_line(position) == f"{words} in line"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (40, "40 s"),
        (60, "1 min"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (7380, "2 h 3 min"),
    ],
)
def test_a_duration_is_told_as_a_person_says_it(seconds: int, words: str) -> None:
    assert duration(seconds) == words


def test_a_booting_gpu_has_a_bar_of_its_own_until_it_is_there() -> None:
    bars = Progress(console=Console(file=io.StringIO()))
    bar = AttemptBar(bars)
    bar.show(Attempt.of(document()))
    assert [task.visible for task in bars.tasks] == [True]
    for share in (0.25, 0.5):
        bar.show(Attempt.of(document(stage="provisioning", boot_progress=share, queue_position=2)))
        own, boot = bars.tasks
        assert (own.description, boot.description) == (
            "starting a GPU, 2nd in line",
            "starting a GPU",
        )
        assert (own.completed, boot.completed, boot.visible) == (0.0, share, True)
    bar.show(Attempt.of(document(status="running", stage="rendering", progress=0.4)))
    assert [task.visible for task in bars.tasks] == [True, False]
    assert bars.tasks[0].completed == 0.4

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from api.documents import JobParts
from api.etags import is_known, job_etag
from rekindle.contracts.statuses import Stage
from rekindle.rules.waiting import Waiting

NOW = 1_800_000_000.0


def tag(
    *,
    version: int = 0,
    attempts: tuple[tuple[int, int], ...] = (),
    waits: dict[int, Waiting] | None = None,
    now: float = NOW,
) -> str:
    job: Any = SimpleNamespace(id=UUID(int=1), version=version)
    rows: Any = [SimpleNamespace(id=UUID(int=n), version=v) for n, v in attempts]
    waiting = {UUID(int=n): wait for n, wait in (waits or {}).items()}
    return job_etag(job, JobParts(rows, waiting), url_seconds=600, now=now)


def test_a_tag_is_weak_and_stays_while_nothing_changes() -> None:
    assert tag() == tag()
    assert tag().startswith('W/"')


def test_every_change_of_a_row_changes_the_tag() -> None:
    tags = [tag(), tag(version=1), tag(attempts=((7, 0),)), tag(attempts=((7, 1),))]
    tags += [tag(attempts=((7, 0), (8, 1))), tag(attempts=((7, 1), (8, 0)))]
    assert len(set(tags)) == len(tags)


def test_everything_that_is_told_of_a_wait_changes_the_tag() -> None:
    waits = [
        Waiting(Stage.QUEUED, 2),
        Waiting(Stage.QUEUED, 1),
        Waiting(Stage.PROVISIONING, 1, 90),
        Waiting(Stage.PROVISIONING, 1, 75),
        Waiting(Stage.PROVISIONING, 1, 75, 0.5),
    ]
    tags = [tag(attempts=((7, 0),), waits={7: wait}) for wait in waits]
    assert tags == [tag(attempts=((7, 0),), waits={7: wait}) for wait in waits]
    assert len({*tags, tag(attempts=((7, 0),))}) == len(waits) + 1


@pytest.mark.parametrize("seconds", range(0, 600, 37))
def test_a_kept_document_never_holds_addresses_that_ran_out(seconds: int) -> None:
    """Made at NOW + seconds; whenever its tag still holds, its addresses live half their life."""
    made_at = NOW + seconds
    held = [s for s in range(601) if tag(now=made_at + s) == tag(now=made_at)]
    assert max(held) < 300


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (None, False),
        ("", False),
        ('W/"abc"', True),
        ('"abc"', True),
        ('"x", W/"abc"', True),
        ("*", True),
        ('W/"ab"', False),
        ("abc", False),
    ],
)
def test_if_none_match_is_compared_weakly(header: str | None, known: bool) -> None:
    assert is_known('W/"abc"', header) is known

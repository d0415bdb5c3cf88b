"""Whoever asks again and again instead of following: told cheaply that nothing has changed."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("whose", ["job", "attempt"])
async def test_a_client_that_polls_gets_a_304_until_something_changes(
    whose: str, story: Any, ada: Any
) -> None:
    job_id = await story.job()
    attempt_id = await story.queue(job_id)
    path = f"/api/v1/jobs/{job_id}" + (f"/restores/{attempt_id}" if whose == "attempt" else "")
    changes: list[Callable[[], Any]] = [
        lambda: story.advance(attempt_id, 0.4),
        lambda: story.succeed(attempt_id),
    ]
    if whose == "job":
        changes += [lambda: story.choose(job_id, attempt_id), lambda: story.queue(job_id)]
    tags = [(await ada.http.get(path)).headers["etag"]]
    for change in changes:
        unchanged = await ada.http.get(path, headers={"If-None-Match": f'"x", {tags[-1]}'})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == tags[-1]
        assert unchanged.headers["cache-control"] == "private, no-cache"
        await change()
        changed = await ada.http.get(path, headers={"If-None-Match": ", ".join(tags)})
        assert changed.status_code == 200
        tags.append(changed.headers["etag"])
    assert len(set(tags)) == len(tags)

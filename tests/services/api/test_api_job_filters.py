"""Jobs are found by what became of them and when they were made."""

from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from rekindle.contracts.statuses import AttemptStatus
from rekindle.store import attempts


async def ids(http: httpx.AsyncClient, **wanted: Any) -> list[str]:
    reply = await http.get("/api/v1/jobs", params=wanted)
    assert reply.status_code == 200, reply.text
    return [each["id"] for each in reply.json()["jobs"]]


@pytest.fixture
async def made(http: httpx.AsyncClient, make_job: Any, succeed: Any, world: Any) -> dict[str, str]:
    """Jobs by what became of them, oldest first."""
    found = {}
    for name in ("untouched", "failed", "restored", "again"):
        job = await make_job(http)
        found[name] = job["id"]
        if name == "untouched":
            continue
        attempt = (await http.post(job["links"]["restore"])).json()
        if name == "failed":
            async with world.database.transaction() as session:
                await attempts.close(session, UUID(attempt["id"]), AttemptStatus.FAILED)
            continue
        await succeed(attempt)
        if name == "again":
            await http.post(job["links"]["restore"])
    return found


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"status": "completed"}, ["restored"]),
        ({"status": "active"}, ["again", "failed", "untouched"]),
        ({"has_restore": "true"}, ["again", "restored"]),
        ({"has_restore": "false"}, ["failed", "untouched"]),
        ({"status": "active", "has_restore": "true"}, ["again"]),
        ({}, ["again", "restored", "failed", "untouched"]),
    ],
    ids=["completed", "active", "restored", "not restored", "both", "all"],
)
async def test_jobs_are_filtered_by_what_became_of_them(
    wanted: dict[str, str], names: list[str], http: httpx.AsyncClient, made: dict[str, str]
) -> None:
    assert await ids(http, **wanted) == [made[name] for name in names]
    if status := wanted.get("status"):
        page = (await http.get("/api/v1/jobs", params=wanted)).json()
        assert {each["status"] for each in page["jobs"]} == {status}


async def test_jobs_are_filtered_by_when_they_were_made(
    http: httpx.AsyncClient, make_job: Any
) -> None:
    jobs = [await make_job(http) for _ in range(3)]
    first, middle, last = (each["id"] for each in jobs)
    moment = jobs[1]["created_at"]
    assert await ids(http, created_after=moment) == [last]
    assert await ids(http, created_before=moment) == [first]
    times = {"created_after": jobs[0]["created_at"], "created_before": jobs[2]["created_at"]}
    assert await ids(http, **times) == [middle]


async def test_the_next_page_keeps_the_filter(
    http: httpx.AsyncClient, make_job: Any, succeed: Any
) -> None:
    restored = []
    for number in range(4):
        job = await make_job(http)
        if number % 2:
            await succeed((await http.post(job["links"]["restore"])).json())
            restored.append(job["id"])
    before = quote(datetime(2100, 1, 1).astimezone().isoformat())
    link = f"/api/v1/jobs?limit=1&status=completed&has_restore=true&created_before={before}"
    found = []
    while link:
        page = (await http.get(link)).json()
        found += [each["id"] for each in page["jobs"]]
        link = page["links"]["next"]
        assert link is None or "status=completed" in link
    assert found == restored[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "status=deleted",
        "status=",
        "has_restore=perhaps",
        "created_after=yesterday",
        "created_before=2026-01-01T00:00:00",
        "created_before=0.5",
        "created_after=-1767225600",
    ],
)
async def test_a_filter_that_is_none_is_refused(query: str, http: httpx.AsyncClient) -> None:
    reply = await http.get(f"/api/v1/jobs?{query}")
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    [wrong] = reply.json()["errors"]
    assert wrong["field"] == f"query.{query.partition('=')[0]}"

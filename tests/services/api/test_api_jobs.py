"""Jobs are found again: by their owner, page by page, and by nobody else."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from rekindle.contracts import keys
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptStatus, JobStatus, Stage
from rekindle.models import Job
from rekindle.store import attempts, jobs

OTHER = {"Authorization": "Bearer somebody-else"}


async def restored(http: httpx.AsyncClient, job: dict[str, Any], **wish: Any) -> dict[str, Any]:
    reply = await http.post(job["links"]["restore"], json=wish)
    assert reply.status_code == 202, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def succeed(world: Any, attempt: dict[str, Any], tmp_path: Any) -> None:
    """What the worker does at the end of an attempt."""
    job_id, attempt_id = UUID(attempt["job_id"]), UUID(attempt["id"])
    preview, thumbnail = keys.restored_preview(job_id, "s"), keys.thumbnail(job_id, "s")
    for name, key in (("preview_key", preview), ("thumbnail_key", thumbnail)):
        (tmp_path / "picture").write_bytes(name.encode())
        await world.objects.put_file(key, tmp_path / "picture", content_type="image/jpeg")
    output = GraphOutput(
        key=keys.restored_master(job_id, "s"),
        sha256="1" * 64,
        size_bytes=9,
        engine_seconds=2.5,
        pod_id="pod-7",
    )
    async with world.database.transaction() as session:
        await attempts.succeed(
            session,
            attempt_id,
            output,
            attempts.Result(
                key=output.key,
                sha256=output.sha256,
                width=80,
                height=60,
                preview_key=preview,
                thumbnail_key=thumbnail,
            ),
        )
        await jobs.choose(session, job_id, attempt_id)


async def test_a_job_shows_every_attempt_oldest_first(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    made = [(await restored(http, job, seed=n))["id"] for n in range(3)]
    found = (await http.get(job["links"]["self"])).json()
    assert [each["id"] for each in found["restores"]] == made
    assert [each["seed"] for each in found["restores"]] == [0, 1, 2]


async def test_a_finished_attempt_shows_its_pictures_but_never_its_master(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any, tmp_path: Any
) -> None:
    attempt = await restored(http, job)
    await succeed(world, attempt, tmp_path)
    reply = await http.get(job["links"]["self"])
    found = reply.json()
    [shown] = found["restores"]
    assert found["selected_restore_id"] == shown["id"] == attempt["id"]
    assert (shown["status"], shown["stage"], shown["progress"]) == ("succeeded", None, 1.0)
    assert (shown["width"], shown["height"], shown["engine_seconds"]) == (80, 60, 2.5)
    assert shown["links"]["select"] == job["links"]["select"]
    assert "master" not in reply.text
    assert "pod-7" not in reply.text
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        preview = await browser.get(shown["preview_url"])
        thumbnail = await browser.get(shown["thumbnail_url"])
        unsigned = await browser.get(shown["preview_url"].partition("?")[0])
    assert (preview.content, thumbnail.content) == (b"preview_key", b"thumbnail_key")
    assert unsigned.status_code == 403


async def test_a_failed_attempt_says_why(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    attempt = await restored(http, job)
    async with world.database.transaction() as session:
        await attempts.close(
            session,
            UUID(attempt["id"]),
            AttemptStatus.FAILED,
            error_code="model_missing",
            error_message="The rendering server lacks a model.",
        )
    shown = (await http.get(attempt["links"]["self"])).json()
    assert shown["status"] == "failed"
    assert shown["error"] == {
        "code": "model_missing",
        "message": "The rendering server lacks a model.",
        "retryable": False,
        "charged": False,
    }
    assert shown["links"] == {**attempt["links"], "cancel": None, "select": None}
    assert shown["preview_url"] is None


async def test_an_attempt_under_way_shows_how_far_it_is(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    attempt = await restored(http, job)
    async with world.database.transaction() as session:
        await attempts.advance(
            session,
            UUID(attempt["id"]),
            try_number=1,
            stage=Stage.RENDERING,
            progress=0.4,
            pod_id="pod-7",
        )
    shown = (await http.get(attempt["links"]["self"])).json()
    assert (shown["status"], shown["stage"], shown["progress"]) == ("running", "rendering", 0.4)
    assert shown["started_at"] is not None


async def test_a_client_that_knows_the_job_already_is_told_so(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    first = await http.get(job["links"]["self"])
    assert first.headers["cache-control"] == "private, no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    again = await http.get(job["links"]["self"], headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await restored(http, job)
    changed = await http.get(job["links"]["self"], headers=known)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_knowing_a_version_does_not_open_somebody_elses_job(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    etag = (await http.get(job["links"]["self"])).headers["etag"]
    reply = await http.get(job["links"]["self"], headers={**OTHER, "If-None-Match": etag})
    assert reply.status_code == 404


async def test_somebody_elses_job_does_not_exist_on_any_route(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    attempt, clip = restoration, (await http.post(job["links"]["animate"])).json()
    task = (await http.post("/api/v1/generate", json={"prompt": "A harbour at dawn."})).json()
    [picture] = (await http.get(task["links"]["job"])).json()["generations"]
    transport: Any = http._transport
    tried = 0
    for template, operations in transport.app.openapi()["paths"].items():
        if "{job_id}" not in template or "{album_id}" in template:
            continue
        named = clip if "/animations/" in template else attempt
        if "/generations/" in template or "/status/" in template:
            named = picture
        path = template.format(job_id=named["job_id"], attempt_id=named["id"])
        for method in sorted(operations, key=lambda each: each == "delete"):
            names_one = path.endswith(("select", "checkout"))
            body = {"attempt_id": attempt["id"]} if names_one else {}
            theirs = await http.request(method, path, json=body, headers=OTHER)
            nobodys = await http.request(
                method, path.replace(named["job_id"], str(uuid4())), json=body
            )
            assert theirs.status_code == nobodys.status_code == 404, (method, path)
            assert theirs.json()["code"] == nobodys.json()["code"] == "job_not_found"
            assert theirs.json()["detail"] == nobodys.json()["detail"]
            if method == "delete":
                continue  # nothing would be left for the other routes
            mine = await http.request(method, path, json=body)
            # HD has to be paid first, and nothing is sold here.
            allowed = (402, 503) if path.endswith(("/hd", "/checkout")) else (200, 202)
            assert mine.status_code in allowed, (method, path)
            tried += 1
    assert tried >= 10
    kinds = [each.kind for each in world.jobs.restored]
    assert kinds == ["animation", "generation", "restore", "animation"]
    assert len(world.jobs.selected) == 1


async def test_an_attempt_of_another_job_is_not_found_in_this_one(
    http: httpx.AsyncClient, job: dict[str, Any], make_job: Any
) -> None:
    attempt = await restored(http, await make_job(http))
    reply = await http.get(f"/api/v1/jobs/{job['id']}/restores/{attempt['id']}")
    assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")


async def test_a_deleted_job_is_gone(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    async with world.database.transaction() as session:
        await session.execute(
            update(Job).where(col(Job.id) == UUID(job["id"])).values(status=JobStatus.DELETED)
        )
    assert (await http.get(job["links"]["self"])).status_code == 404
    assert (await http.get("/api/v1/jobs")).json()["jobs"] == []


async def pages(http: httpx.AsyncClient, limit: int) -> list[list[str]]:
    """The ids of all jobs, page by page, as a client that follows links sees them."""
    found, link = [], f"/api/v1/jobs?limit={limit}"
    while link:
        page = (await http.get(link)).json()
        assert page["links"]["self"] == link
        found.append([job["id"] for job in page["jobs"]])
        link = page["links"]["next"]
    return found


@pytest.mark.parametrize("at_one_moment", [False, True])
async def test_pages_show_every_own_job_once_newest_first(
    at_one_moment: bool, http: httpx.AsyncClient, make_job: Any, world: Any
) -> None:
    made = [(await make_job(http))["id"] for _ in range(5)]
    if at_one_moment:
        async with world.database.transaction() as session:
            await session.execute(
                update(Job)
                .where(col(Job.id).in_([UUID(each) for each in made]))
                .values(created_at=datetime(2026, 1, 1, tzinfo=UTC))
            )
        made = sorted(made)
    newest_first = made[::-1]
    for limit, sizes in ((1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (100, [5])):
        found = await pages(http, limit)
        assert [len(page) for page in found] == sizes
        assert [job_id for page in found for job_id in page] == newest_first


async def test_a_job_made_while_somebody_reads_shifts_nothing(
    http: httpx.AsyncClient, make_job: Any
) -> None:
    first, second = [(await make_job(http))["id"] for _ in range(2)]
    page = (await http.get("/api/v1/jobs?limit=1")).json()
    await make_job(http)
    following = (await http.get(page["links"]["next"])).json()
    assert [each["id"] for each in (*page["jobs"], *following["jobs"])] == [second, first]


async def test_a_cursor_of_somebody_else_leads_to_own_jobs_only(
    http: httpx.AsyncClient, make_job: Any
) -> None:
    for _ in range(2):
        await make_job(http)
    link = (await http.get("/api/v1/jobs?limit=1")).json()["links"]["next"]
    assert (await http.get(link, headers=OTHER)).json()["jobs"] == []


async def test_a_page_shows_the_attempts_of_each_job_with_it(
    http: httpx.AsyncClient, make_job: Any
) -> None:
    one, two = await make_job(http), await make_job(http)
    made = {one["id"]: [await restored(http, one)], two["id"]: [await restored(http, two)]}
    for job in (await http.get("/api/v1/jobs")).json()["jobs"]:
        assert [each["id"] for each in job["restores"]] == [a["id"] for a in made[job["id"]]]

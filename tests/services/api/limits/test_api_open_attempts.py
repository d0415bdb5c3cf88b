"""At most so many unfinished attempts of one user, whatever jobs they are in."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from tests.services.statements import statements

SetSettings = Callable[..., None]


async def restore(http: httpx.AsyncClient, job: dict[str, Any], **headers: str) -> httpx.Response:
    return await http.post(job["links"]["restore"], json={"seed": 7}, headers=headers)


def refusal(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


async def test_so_many_may_be_unfinished_in_all_jobs_of_a_user(
    http: httpx.AsyncClient, make_job: Any, set_settings: SetSettings, world: Any
) -> None:
    set_settings(max_open_attempts=2)
    jobs = [await make_job(http) for _ in range(3)]
    for each in jobs[:2]:
        assert (await restore(http, each)).status_code == 202
    reply = await restore(http, jobs[2])
    assert refusal(reply) == (429, "too_many_open_attempts")
    assert reply.json()["retryable"] is True
    assert int(reply.headers["retry-after"]) >= 1
    assert len(world.jobs.restored) == 2


async def test_one_that_ended_makes_room(
    http: httpx.AsyncClient, job: dict[str, Any], set_settings: SetSettings, succeed: Any
) -> None:
    set_settings(max_open_attempts=1)
    first = await restore(http, job)
    assert refusal(await restore(http, job)) == (429, "too_many_open_attempts")
    await succeed(first.json())
    assert (await restore(http, job)).status_code == 202


async def test_animations_count_and_are_counted(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    set_settings: SetSettings,
) -> None:
    set_settings(max_open_attempts=1)
    wish = {"restore_id": restoration["id"]}
    assert (await http.post(job["links"]["animate"], json=wish)).status_code == 202
    assert refusal(await http.post(job["links"]["animate"], json=wish))[0] == 429
    assert refusal(await restore(http, job))[0] == 429


async def test_others_have_room_of_their_own(
    http: httpx.AsyncClient, job: dict[str, Any], make_job: Any, set_settings: SetSettings
) -> None:
    set_settings(max_open_attempts=1)
    assert (await restore(http, job)).status_code == 202
    http.headers["Authorization"] = f"Bearer other-{uuid4()}"
    assert (await restore(http, await make_job(http))).status_code == 202


async def test_zero_is_no_limit(
    http: httpx.AsyncClient, job: dict[str, Any], set_settings: SetSettings
) -> None:
    set_settings(max_open_attempts=0)
    replies = [await restore(http, job) for _ in range(3)]
    assert {reply.status_code for reply in replies} == {202}


async def test_a_repeat_of_what_was_begun_is_answered_although_there_is_no_room(
    http: httpx.AsyncClient, job: dict[str, Any], set_settings: SetSettings
) -> None:
    set_settings(max_open_attempts=1)
    key = {"Idempotency-Key": str(uuid4())}
    first = await restore(http, job, **key)
    again = await restore(http, job, **key)
    assert (first.status_code, again.content) == (202, first.content)


async def test_a_refusal_is_not_kept_under_its_key(
    http: httpx.AsyncClient, job: dict[str, Any], set_settings: SetSettings, succeed: Any
) -> None:
    set_settings(max_open_attempts=1)
    first = await restore(http, job)
    key = {"Idempotency-Key": str(uuid4())}
    assert (await restore(http, job, **key)).status_code == 429
    await succeed(first.json())
    assert (await restore(http, job, **key)).status_code == 202


async def test_a_photo_that_is_to_be_restored_at_once_is_not_taken_in_without_room(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    make_photo: Any,
    set_settings: SetSettings,
    world: Any,
) -> None:
    set_settings(max_open_attempts=1)
    assert (await restore(http, job)).status_code == 202
    reply = await http.post("/api/v1/restoration/restore", files={"photo": ("x", make_photo())})
    assert refusal(reply) == (429, "too_many_open_attempts")
    assert world.jobs.opened == []
    assert len((await http.get("/api/v1/jobs")).json()["jobs"]) == 1


async def test_counting_costs_no_statement(
    http: httpx.AsyncClient, job: dict[str, Any], set_settings: SetSettings, world: Any
) -> None:
    await http.get("/api/v1/graphs")  # now it is known what pods can run
    set_settings(max_open_attempts=2)
    with statements(world.database) as sent:
        assert (await restore(http, job)).status_code == 202
    assert len(sent) == 4
    with statements(world.database) as sent:
        assert (await restore(http, job)).status_code == 202
        assert (await restore(http, job)).status_code == 429
    assert len(sent) == 5

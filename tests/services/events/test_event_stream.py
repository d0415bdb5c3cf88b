"""One client's stream: what it begins with, what follows, when it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.errors import DatabaseUnavailable


def path(job_id: object) -> str:
    return f"/api/v1/jobs/{job_id}/events"


async def test_a_stream_begins_with_how_the_job_stands(story: Any, ada: Any) -> None:
    job_id = await story.job()
    first, second = await story.queue(job_id), await story.queue(job_id)
    await story.succeed(first)
    await story.choose(job_id, first)
    await story.close(second, AttemptStatus.FAILED, "graph_failed")
    async with ada.follows(job_id) as stream:
        snapshot = await stream.event()
    assert (snapshot.kind, snapshot.id) == ("job", (await story.ids(job_id))[-1])
    no_wait = dict.fromkeys(("queue_position", "eta_seconds", "boot_progress"))
    assert snapshot.data == {
        "job_id": str(job_id),
        "status": "completed",
        "selected_restore_id": str(first),
        "latest_animation_id": None,
        "orders": [],
        "attempts": [
            {
                "attempt_id": str(first),
                "kind": "restore",
                "status": "succeeded",
                "stage": None,
                "progress": 1.0,
                "error": None,
                **no_wait,
            },
            {
                "attempt_id": str(second),
                "kind": "restore",
                "status": "failed",
                "stage": None,
                "progress": 0.0,
                "error": {
                    "code": "graph_failed",
                    "message": "Rendering failed. You were not charged.",
                    "retryable": True,
                    "charged": False,
                },
                **no_wait,
            },
        ],
    }
    assert 1000 <= stream.retry <= 3000


async def test_then_every_change_comes_as_it_happens(story: Any, ada: Any) -> None:
    job_id = await story.job()
    async with ada.follows(job_id) as stream:
        begun = await stream.event()
        attempt_id = await story.queue(job_id)
        await story.advance(attempt_id, 0.05, Stage.STAGING)
        await story.advance(attempt_id, 0.5)
        await story.close(attempt_id, AttemptStatus.FAILED, "graph_stalled")
        events = await stream.events(4)
    assert (begun.kind, begun.id) == ("job", 0)
    assert [each.id for each in events] == await story.ids(job_id)
    assert [each.kind for each in events] == [
        "attempt.queued",
        "attempt.progress",
        "attempt.progress",
        "attempt.failed",
    ]
    stages = [(each.data["stage"], each.data["progress"]) for each in events]
    assert stages == [("queued", 0), ("staging", 0.05), ("rendering", 0.5), (None, 0.5)]
    assert {each.data["attempt_id"] for each in events} == {str(attempt_id)}
    assert {each.data["job_id"] for each in events} == {str(job_id)}
    assert events[-1].data["status"] == "failed"
    assert events[-1].data["error"]["code"] == "graph_stalled"
    assert events[0].data.keys() == events[-1].data.keys()
    logged = await story.log(job_id)
    assert [each.data["at"] for each in events] == [e.created_at.isoformat() for e in logged]


async def test_a_choice_comes_too(story: Any, ada: Any) -> None:
    attempt_id = await story.queue(job_id := await story.job())
    await story.succeed(attempt_id)
    async with ada.follows(job_id) as stream:
        await stream.event()
        await story.choose(job_id, attempt_id)
        event = await stream.event()
    assert event.kind == "job.selected"
    assert event.data["selected_restore_id"] == event.data["attempt_id"] == str(attempt_id)


async def test_a_stream_ends_with_the_deletion_of_its_job(story: Any, ada: Any) -> None:
    job_id = await story.job()
    async with ada.follows(job_id) as stream:
        await stream.event()
        await story.delete(job_id)
        [last] = await stream.rest()
    assert (last.kind, last.data["status"]) == ("job.deleted", "deleted")
    gone = await ada.http.get(path(job_id), headers={"Last-Event-ID": str(last.id)})
    assert (gone.status_code, gone.json()["code"]) == (404, "job_not_found")


async def test_who_has_a_job_back_follows_it_from_where_they_were(story: Any, ada: Any) -> None:
    job_id = await story.job()
    attempt_id = await story.queue(job_id)
    [begun] = await story.ids(job_id)
    await story.delete(job_id)
    await story.undelete(job_id)
    async with ada.follows(job_id, after=begun) as stream:
        missed = await stream.events(2)
        await story.advance(attempt_id, 0.5)
        following = await stream.event()
    kinds = [each.kind for each in (*missed, following)]
    assert kinds == ["job.deleted", "job.undeleted", "attempt.progress"]


async def test_what_a_stream_tells_holds_no_key_no_address_and_nobody(story: Any, ada: Any) -> None:
    job_id = await story.job()
    async with ada.follows(job_id) as stream:
        attempt_id = await story.queue(job_id)
        await story.advance(attempt_id, 0.5)
        await story.succeed(attempt_id)
        await story.choose(job_id, attempt_id)
        told = str([(each.kind, each.data) for each in await stream.events(5)])
    for word in ("ada@", "http", "uploaded/", "working/", "sha256", "seed", "pod"):
        assert word not in told


async def test_headers_keep_caches_and_proxies_out_of_the_way(story: Any, ada: Any) -> None:
    async with ada.follows(await story.job()) as stream:
        headers = stream.reply.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-length" not in headers


async def test_somebody_elses_job_is_not_there(story: Any, api: Any, connect_client: Any) -> None:
    job_id = await story.job("ada")
    eve = connect_client(api.url, "eve")
    for wanted in (job_id, uuid4()):
        reply = await eve.http.get(path(wanted))
        assert (reply.status_code, reply.json()["code"]) == (404, "job_not_found")
        assert reply.headers["content-type"] == "application/problem+json"
    reply = await eve.http.get(path("no-uuid"))
    assert reply.status_code == 422
    assert api.hub.streams == 0


async def test_without_a_token_nothing_is_told(story: Any, api: Any) -> None:
    job_id = await story.job()
    async with httpx.AsyncClient(base_url=api.url, trust_env=False, timeout=60) as stranger:
        reply = await stranger.get(path(job_id))
    assert (reply.status_code, reply.json()["code"]) == (401, "missing_token")


class Away:
    """A database that has just gone."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        raise DatabaseUnavailable
        yield


async def test_a_stream_that_cannot_begin_is_answered_with_the_reason(
    story: Any, api: Any, ada: Any
) -> None:
    """The job was found, then the database went away."""
    job_id = await story.job()
    present, api.hub.database = api.hub.database, Away()
    reply = await ada.http.get(path(job_id))
    assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")
    assert reply.headers["retry-after"]
    api.hub.database = present
    assert api.hub.streams == 0
    async with ada.follows(job_id) as stream:
        assert (await stream.event()).kind == "job"


async def test_a_silent_stream_is_kept_alive_by_comments(
    story: Any, serve_api: Any, connect_client: Any
) -> None:
    api = await serve_api(event_keepalive_seconds=0.05)
    attempt_id = await story.queue(job_id := await story.job())
    async with connect_client(api.url).follows(job_id) as stream:
        await stream.event()
        next_event = asyncio.create_task(stream.event())
        async with asyncio.timeout(60):
            while len(stream.comments) < 3:
                await asyncio.sleep(0.01)
        await story.advance(attempt_id, 0.5)
        assert (await next_event).kind == "attempt.progress"


async def test_a_stream_ends_after_its_life_and_is_resumed(
    story: Any, serve_api: Any, connect_client: Any
) -> None:
    api = await serve_api(event_stream_seconds=0.2)
    client = connect_client(api.url)
    attempt_id = await story.queue(job_id := await story.job())
    async with client.follows(job_id) as stream:
        [snapshot] = await stream.rest()
    await story.advance(attempt_id, 0.5)
    async with client.follows(job_id, after=snapshot.id) as stream:
        assert [each.kind for each in await stream.rest()] == ["attempt.progress"]


async def test_a_stream_ends_with_its_token(story: Any, api: Any, connect_client: Any) -> None:
    job_id = await story.job("ada")
    async with asyncio.timeout(60), connect_client(api.url, "short-ada").follows(job_id) as stream:
        assert [each.kind for each in await stream.rest()] == ["job"]


async def test_a_client_that_goes_away_is_forgotten(story: Any, api: Any, ada: Any) -> None:
    job_id = await story.job()
    async with ada.follows(job_id) as first:
        await first.event()
        async with ada.follows(job_id) as second:
            await second.event()
            await api.until_streams(2)
        await api.until_streams(1)
        await story.queue(job_id)
        assert (await first.event()).kind == "attempt.queued"
    await api.until_streams(0)


async def test_the_links_of_a_job_lead_to_its_stream(story: Any, api: Any) -> None:
    from api.documents import restore_document
    from api.documents.jobs import JobLinks

    attempt = story.attempt(await story.job())
    attempt.created_at = "2026-01-01T00:00:00Z"
    unused: Any = None
    assert restore_document(attempt, unused).links.events == path(attempt.job_id)
    assert "events" in JobLinks.model_fields

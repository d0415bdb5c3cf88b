"""One call takes a photo in and starts its restoration; another tells how it stands."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import col, select

from rekindle.contracts import keys
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.errors import WorkflowsUnavailable
from rekindle.models import Job
from rekindle.store import attempts

RESTORATION = "/api/v1/restoration/restore"
FIELDS = {
    "id",
    "status",
    "original_image_url",
    "processed_image_url",
    "denoise",
    "error_message",
    "created_at",
    "updated_at",
}


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{uuid4()}"}


@pytest.fixture
def photo(make_photo: Any) -> bytes:
    made: bytes = make_photo()
    return made


async def send(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    return await http.post(RESTORATION, data=fields, files={"photo": ("a", photo)}, headers=key)


async def begun(http: httpx.AsyncClient, photo: bytes, **fields: Any) -> dict[str, Any]:
    reply = await send(http, photo, **fields)
    assert reply.status_code == 202, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def look(http: httpx.AsyncClient, accepted: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = (await http.get(accepted["links"]["self"])).json()
    assert document.keys() == FIELDS
    assert document["id"] == accepted["job_id"]
    return document


def attempt_of(accepted: dict[str, Any]) -> UUID:
    return UUID(accepted["links"]["attempt"].rpartition("/")[2])


async def test_one_call_makes_a_job_and_an_attempt_like_any_other(
    http: httpx.AsyncClient, photo: bytes, world: Any
) -> None:
    reply = await send(http, photo, denoise="0.25")
    accepted = reply.json()
    assert (reply.status_code, accepted["status"]) == (202, "pending")
    assert reply.headers["location"] == f"/api/v1/restoration/jobs/{accepted['job_id']}"
    job = (await http.get(accepted["links"]["job"])).json()
    [attempt] = job["restores"]
    assert UUID(attempt["id"]) == attempt_of(accepted)
    assert attempt["parameters"]["denoise"] == 0.25
    assert [str(each.job_id) for each in world.jobs.opened] == [job["id"]]
    [command] = world.jobs.restored
    assert str(command.attempt_id) == attempt["id"]
    assert command.source_key == keys.working(UUID(job["id"]))
    assert (await http.get(accepted["links"]["attempt"])).status_code == 200


async def test_it_is_pending_then_processing_then_completed_with_a_picture(
    http: httpx.AsyncClient, photo: bytes, world: Any, tmp_path: Any
) -> None:
    accepted = await begun(http, photo, denoise="0.25")
    job_id, attempt_id = UUID(accepted["job_id"]), attempt_of(accepted)
    pending = await look(http, accepted)
    assert (pending["status"], pending["denoise"]) == ("pending", 0.25)
    assert (pending["processed_image_url"], pending["error_message"]) == (None, None)
    async with world.database.transaction() as session:
        await attempts.advance(
            session, attempt_id, try_number=1, stage=Stage.STAGING, progress=0.1, pod_id="p"
        )
    processing = await look(http, accepted)
    assert processing["status"] == "processing"
    preview = keys.restored_preview(job_id, "s")
    (tmp_path / "picture").write_bytes(b"preview")
    await world.objects.put_file(preview, tmp_path / "picture", content_type="image/jpeg")
    output = GraphOutput(key="m", sha256="0" * 64, size_bytes=1, engine_seconds=1, pod_id="p")
    async with world.database.transaction() as session:
        await attempts.succeed(
            session,
            attempt_id,
            output,
            attempts.Result(
                key=output.key,
                sha256=output.sha256,
                width=4,
                height=3,
                preview_key=preview,
                thumbnail_key="t",
            ),
        )
    completed = await look(http, accepted)
    assert completed["status"] == "completed"
    moments = [
        datetime.fromisoformat(each["updated_at"]) for each in (pending, processing, completed)
    ]
    assert moments == sorted(set(moments))
    assert datetime.fromisoformat(completed["created_at"]) < moments[0]
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        assert (await browser.get(completed["processed_image_url"])).content == b"preview"
        assert (await browser.get(completed["original_image_url"])).content == photo


@pytest.mark.parametrize(
    ("status", "code", "message", "shown"),
    [
        (AttemptStatus.FAILED, "graph_failed", "It broke.", "It broke."),
        (AttemptStatus.FAILED, "graph_failed", None, "Rendering failed. You were not charged."),
        (AttemptStatus.CANCELED, None, None, "The restoration was canceled."),
    ],
)
async def test_what_failed_or_was_canceled_has_failed_and_says_why(
    status: AttemptStatus,
    code: str | None,
    message: str | None,
    shown: str,
    http: httpx.AsyncClient,
    photo: bytes,
    world: Any,
) -> None:
    accepted = await begun(http, photo)
    async with world.database.transaction() as session:
        await attempts.close(
            session, attempt_of(accepted), status, error_code=code, error_message=message
        )
    document = await look(http, accepted)
    assert (document["status"], document["error_message"]) == ("failed", shown)


async def test_the_latest_attempt_counts(http: httpx.AsyncClient, photo: bytes, world: Any) -> None:
    accepted = await begun(http, photo, denoise="0.25")
    async with world.database.transaction() as session:
        await attempts.close(session, attempt_of(accepted), AttemptStatus.FAILED)
    job = (await http.get(accepted["links"]["job"])).json()
    await http.post(job["links"]["restore"], json={"denoise": 0.75})
    document = await look(http, accepted)
    assert (document["status"], document["denoise"]) == ("pending", 0.75)
    assert document["error_message"] is None


async def test_a_photo_without_attempts_is_pending(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    document = (await http.get(f"/api/v1/restoration/jobs/{job['id']}")).json()
    assert document.keys() == FIELDS
    assert (document["status"], document["denoise"]) == ("pending", None)


@pytest.mark.parametrize(
    ("fields", "email"),
    [
        ({}, ""),
        ({"email": "", "denoise": ""}, ""),
        ({"email": "ada@example.com"}, "ada@example.com"),
    ],
    ids=["left out", "empty", "given"],
)
async def test_an_address_may_be_left_out(
    fields: dict[str, str], email: str, http: httpx.AsyncClient, photo: bytes, world: Any
) -> None:
    accepted = await begun(http, photo, **fields)
    async with world.database.transaction() as session:
        statement = select(Job.email).where(col(Job.id) == UUID(accepted["job_id"]))
        stored = (await session.execute(statement)).scalar_one()
    assert stored == email
    assert (await look(http, accepted))["denoise"] == 0.7


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"denoise": "1.01"}, "parameter_out_of_range"),
        ({"denoise": "-1"}, "parameter_out_of_range"),
        ({"denoise": "nan"}, "invalid_request"),
        ({"denoise": "much"}, "invalid_request"),
        ({"email": "ada"}, "invalid_request"),
        ({"graph": "restore"}, "invalid_request"),
    ],
    ids=str,
)
async def test_a_form_that_makes_no_sense_is_refused_before_anything_is_stored(
    fields: dict[str, str], code: str, http: httpx.AsyncClient, photo: bytes, world: Any
) -> None:
    reply = await send(http, photo, None, **fields)
    assert (reply.status_code, reply.json()["code"]) == (422, code)
    assert (await http.get("/api/v1/jobs")).json()["jobs"] == []
    assert world.jobs.opened == []


async def test_no_photo_is_refused(http: httpx.AsyncClient) -> None:
    reply = await send(http, b"<html>")
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_photo_type")
    reply = await http.post(RESTORATION, files={"denoise": (None, "0.5")})
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


async def test_a_photo_over_the_limit_is_refused(http: httpx.AsyncClient) -> None:
    """The route has the limit of photos, not that of other bodies."""
    reply = await send(http, b"\xff\xd8\xff" + b"\x00" * (2 << 20))
    assert (reply.status_code, reply.json()["code"]) == (413, "photo_too_large")


async def test_sent_again_under_its_key_it_is_one_job_and_one_attempt(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    first, again = [await send(http, photo, key, denoise="0.5") for _ in range(2)]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    other = await send(http, photo, key, denoise="0.6")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (len(world.jobs.opened), len(world.jobs.restored)) == (1, 1)


async def test_a_try_that_stopped_between_job_and_attempt_is_gone_on_with(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    restore = world.jobs.begin

    async def away(*_: Any) -> Any:
        raise WorkflowsUnavailable

    world.jobs.begin = away
    failed = await send(http, photo, key)
    assert (failed.status_code, failed.json()["code"]) == (503, "workflows_unavailable")
    [job] = (await http.get("/api/v1/jobs")).json()["jobs"]
    assert job["restores"] == []
    world.jobs.begin = restore
    world.photos.ingest = None  # the photo is not looked at again
    again = await send(http, photo, key)
    assert (again.status_code, again.json()["job_id"]) == (202, job["id"])
    [job] = (await http.get("/api/v1/jobs")).json()["jobs"]
    assert [each["id"] for each in job["restores"]] == [str(attempt_of(again.json()))]
    assert len(world.jobs.opened) == 1


async def test_somebody_elses_restoration_does_not_exist(
    http: httpx.AsyncClient, photo: bytes
) -> None:
    accepted = await begun(http, photo)
    other = {"Authorization": "Bearer somebody-else"}
    reply = await http.get(accepted["links"]["self"], headers=other)
    assert (reply.status_code, reply.json()["code"]) == (404, "job_not_found")

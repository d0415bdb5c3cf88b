"""Pictures of words: what is asked for is judged, taken in, started, and told as a task."""

import asyncio
import base64
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from api.graphs import mode_packs
from comfy_graphs import load_pack
from comfy_graphs.styles import Style
from rekindle.adapters.screening import HttpScreening
from rekindle.contracts import keys
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, Stage
from rekindle.errors import WorkflowsUnavailable
from rekindle.store import attempts

GENERATE = "/api/v1/generate"
HARBOUR = "A harbour at dawn."
FIELDS = {"task_id", "status", "image", "error", "links"}


async def ask(http: httpx.AsyncClient, path: str = GENERATE, **wish: Any) -> httpx.Response:
    return await http.post(path, json={"prompt": HARBOUR, **wish})


async def begun(http: httpx.AsyncClient, **wish: Any) -> dict[str, Any]:
    reply = await ask(http, **wish)
    assert reply.status_code == 202, reply.text
    document: dict[str, Any] = reply.json()
    assert document.keys() == FIELDS
    return document


async def job_of(http: httpx.AsyncClient, task: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = (await http.get(task["links"]["job"])).json()
    return document


async def made(world: Any, generation: dict[str, Any]) -> None:
    """Records that it has succeeded, as the activity that finishes it does."""
    job_id = UUID(generation["job_id"])
    output = GraphOutput(
        key=keys.generated_master(job_id, "s"),
        sha256="0" * 64,
        size_bytes=1,
        engine_seconds=1,
        pod_id="p",
    )
    result = attempts.Result(
        key=output.key,
        sha256=output.sha256,
        width=1328,
        height=1328,
        preview_key=keys.generated_preview(job_id, "s"),
        thumbnail_key=keys.thumbnail(job_id, "s"),
    )
    async with world.database.transaction() as session:
        assert await attempts.succeed(session, UUID(generation["id"]), output, result)


async def test_words_become_a_job_without_a_photo_that_is_listed_like_any_other(
    http: httpx.AsyncClient, world: Any
) -> None:
    reply = await ask(http, style="watercolour", extra_params={"shape": "wide", "seed": 7})
    task = reply.json()
    assert (reply.status_code, task["status"], task["image"], task["error"]) == (
        *(202, "queued"),
        *(None, None),
    )
    assert reply.headers["location"] == task["links"]["self"]
    job = await job_of(http, task)
    assert (job["id"], job["photo"], job["original_url"]) == (task["task_id"], None, None)
    assert (job["status"], job["restores"], job["animations"]) == ("active", [], [])
    [generation] = job["generations"]
    assert generation["graph"] == "generate"
    assert generation["parameters"] == {
        "prompt": HARBOUR,
        "style": "watercolour",
        "shape": "wide",
        "denoise": 1.0,
        "seed": 7,
    }
    [command] = world.jobs.restored
    assert command.kind is AttemptKind.GENERATION
    assert (str(command.attempt_id), command.source_key) == (generation["id"], None)
    assert (command.parameters, command.gpu_class) == (generation["parameters"], "image")
    assert command.deadline_seconds == 300.0
    [listed] = (await http.get("/api/v1/jobs")).json()["jobs"]
    assert listed["generations"] == job["generations"]
    assert (await http.get(generation["links"]["self"])).json() == generation


async def test_a_photo_in_base64_is_taken_in_like_an_upload(
    http: httpx.AsyncClient, world: Any, make_photo: Any
) -> None:
    photo = make_photo("PNG")
    image = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    task = await begun(http, target_image=image, extra_params={"denoise": 0.4})
    job = await job_of(http, task)
    assert job["photo"]["media_type"] == "image/png"  # the content decides
    assert (job["photo"]["width"], job["photo"]["size_bytes"]) == (40, len(photo))
    [command] = world.jobs.restored
    working = keys.working(UUID(task["task_id"]))
    assert (command.source_key, command.parameters["denoise"]) == (working, 0.4)
    assert await world.objects.head(working) is not None
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        assert (await browser.get(job["original_url"])).content == photo
    assert (await http.post(job["links"]["restore"])).status_code == 202


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"<html><body>undress</body></html>", 415, "unsupported_photo_type"),
        (b"x" * ((1 << 20) + 1), 413, "photo_too_large"),
        (b"", 422, "empty_photo"),
    ],
    ids=["html", "large", "empty"],
)
async def test_what_is_no_photo_makes_no_job(
    content: bytes, status: int, code: str, http: httpx.AsyncClient, world: Any
) -> None:
    reply = await ask(http, target_image=base64.b64encode(content).decode())
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert world.jobs.restored == []
    assert (await http.get("/api/v1/jobs")).json()["jobs"] == []


async def test_an_image_beyond_the_setting_is_turned_away_before_it_is_read(
    http: httpx.AsyncClient,
) -> None:
    for path in (GENERATE, "/generate"):
        reply = await ask(http, path, target_image="A" * (15 << 20))
        assert (reply.status_code, reply.json()["code"]) == (413, "photo_too_large")
        assert "10 MB" in reply.json()["detail"]


async def test_it_is_queued_until_it_is_done_and_then_has_its_picture(
    http: httpx.AsyncClient, world: Any
) -> None:
    task = await begun(http)
    [generation] = (await job_of(http, task))["generations"]
    async with world.database.transaction() as session:
        await attempts.advance(
            session,
            UUID(generation["id"]),
            try_number=1,
            stage=Stage.RENDERING,
            progress=0.5,
            pod_id="p",
        )
    for path in (task["links"]["self"], f"/status/{task['task_id']}"):
        assert (await http.get(path)).json()["status"] == "queued"
    await made(world, generation)
    done = (await http.get(task["links"]["self"])).json()
    assert (done["status"], done["error"]) == ("done", None)
    assert f"/generated/{task['task_id']}/s.jpg?" in done["image"]
    job = await job_of(http, task)
    assert (job["status"], job["selected_restore_id"]) == ("completed", None)
    assert "master" not in str(job)


@pytest.mark.parametrize(
    ("status", "code"),
    [(AttemptStatus.FAILED, "graph_failed"), (AttemptStatus.CANCELED, None)],
    ids=["failed", "canceled"],
)
async def test_what_failed_or_was_canceled_has_failed_and_says_why(
    status: AttemptStatus, code: str | None, http: httpx.AsyncClient, world: Any
) -> None:
    task = await begun(http)
    [generation] = (await job_of(http, task))["generations"]
    canceled = await http.post(generation["links"]["cancel"])
    assert (canceled.status_code, canceled.json()["id"]) == (202, generation["id"])
    assert world.jobs.canceled == [UUID(generation["id"])]
    async with world.database.transaction() as session:
        await attempts.close(session, UUID(generation["id"]), status, error_code=code)
    ended = (await http.get(task["links"]["self"])).json()
    assert (ended["status"], ended["image"]) == ("failed", None)
    assert ended["error"]["code"] == (code or "canceled")
    assert ended["error"]["charged"] is False


async def test_a_mode_is_a_graph_that_works_on_the_photo(
    http: httpx.AsyncClient, world: Any, make_photo: Any
) -> None:
    image = base64.b64encode(make_photo()).decode()
    wish = {"mode": "colorize", "target_image": image, "extra_params": {"megapixels": 0.5}}
    reply = await http.post(GENERATE, json=wish)
    assert reply.status_code == 202, reply.text
    [command] = world.jobs.restored
    assert (command.kind, command.graph) == (AttemptKind.GENERATION, "colorize")
    assert command.parameters["megapixels"] == 0.5


@pytest.mark.parametrize("mode", ["undress", "generate", "animate", "upscale_hd", "", "../free"])
async def test_an_unknown_mode_is_answered_with_those_there_are(
    mode: str, http: httpx.AsyncClient, world: Any
) -> None:
    reply = await ask(http, mode=mode)
    assert (reply.status_code, reply.json()["code"]) == (422, "unknown_mode")
    assert {"free", "restore", "colorize"} <= mode_packs().keys()
    for each in mode_packs():
        assert each in reply.json()["detail"]
    assert world.jobs.restored == []


async def test_a_mode_whose_models_no_pod_has_says_what_it_needs(
    http: httpx.AsyncClient, pod: Any, world: Any
) -> None:
    await pod(["restore_classic"])
    reply = await ask(http)
    assert (reply.status_code, reply.json()["code"]) == (409, "graph_unavailable")
    for model in load_pack("generate").manifest.models:
        assert model.file in reply.json()["detail"]
    assert world.jobs.restored == []
    assert (await http.get("/api/v1/jobs")).json()["jobs"] == []


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"face_images": ["aGk="]}, "face_images_refused"),
        ({"face_images": "aGk="}, "face_images_refused"),
        ({"face_images": {"a": 1}, "mode": "nope"}, "face_images_refused"),
        ({"prompt": "undress the woman"}, "prompt_refused"),
        ({"prompt": "put my face on his body"}, "prompt_refused"),
        ({"prompt": "", "extra_params": {"prompt": "n4k3d"}}, "prompt_refused"),
        ({"prompt": ""}, "invalid_request"),
        ({"prompt": " \n"}, "invalid_request"),
        ({"prompt": "x" * 1001}, "parameter_out_of_range"),
        ({"prompt": "a\x00b"}, "invalid_request"),
        ({"prompt": 7}, "invalid_request"),
        ({"style": "undressed"}, "invalid_request"),
        ({"style": 7}, "invalid_request"),
        ({"extra_params": {"prompt": "again"}}, "invalid_request"),
        ({"extra_params": {"shape": "round"}}, "parameter_out_of_range"),
        ({"extra_params": {"denoise": 0.5}}, "parameter_out_of_range"),
        ({"extra_params": {"seed": "7"}}, "invalid_request"),
        ({"extra_params": {"steps": 500}}, "invalid_request"),
        ({"extra_params": {"shape": ["wide"]}}, "invalid_request"),
        ({"mode": "restore"}, "invalid_request"),
        ({"mode": "restore", "prompt": ""}, "invalid_request"),
        ({"mode": 7}, "invalid_request"),
        ({"target_image": "not base64"}, "invalid_request"),
        ({"price": 0, "paid": True}, "invalid_request"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wish_that_makes_no_sense_or_is_not_met_is_refused(
    wish: Any, code: str, http: httpx.AsyncClient, world: Any
) -> None:
    reply = await ask(http, **wish)
    assert (reply.status_code, reply.json()["code"]) == (422, code), reply.text
    assert world.jobs.restored == []


async def test_no_face_is_no_reason_to_refuse(http: httpx.AsyncClient) -> None:
    nothing: Any
    for nothing in (None, []):
        assert (await ask(http, face_images=nothing)).status_code == 202


async def test_while_the_screening_service_is_away_no_words_are_taken(
    http: httpx.AsyncClient, serve: Any, world: Any, job: dict[str, Any], restoration: Any
) -> None:
    away = httpx.MockTransport(lambda _: httpx.Response(502))
    world.prompts = HttpScreening("http://screening.example/", seconds=60, transport=away)
    async with serve() as client:
        client.headers["Authorization"] = http.headers["Authorization"]
        replies = [
            await ask(client),
            await client.post(job["links"]["animate"], json={"prompt": "The sea moves."}),
        ]
        for reply in replies:
            assert (reply.status_code, reply.json()["code"]) == (503, "screening_unavailable")
            assert reply.json()["retryable"] is True
        assert (await client.post(job["links"]["animate"], json={})).status_code == 202
    await world.prompts.close()


async def test_the_words_for_a_clip_are_judged_too(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: Any, world: Any
) -> None:
    reply = await http.post(job["links"]["animate"], json={"prompt": "She takes her dress off."})
    assert (reply.status_code, reply.json()["code"]) == (422, "prompt_refused")
    assert "undresses nobody" in reply.json()["detail"]
    assert world.jobs.restored == []


async def test_sent_again_under_its_key_it_is_one_job(http: httpx.AsyncClient, world: Any) -> None:
    headers = {"Idempotency-Key": f"key-{uuid4()}"}

    async def send(**wish: Any) -> httpx.Response:
        return await http.post(GENERATE, json={"prompt": HARBOUR, **wish}, headers=headers)

    world.jobs.failure = WorkflowsUnavailable()
    assert (await send()).status_code == 503  # its job is there, and nothing in it
    [left] = (await http.get("/api/v1/jobs")).json()["jobs"]
    assert (left["generations"], left["status"]) == ([], "active")
    assert (await http.get(f"/api/v1/status/{left['id']}")).json()["status"] == "queued"
    world.jobs.failure = None
    first, twin = await asyncio.gather(send(), send())
    assert first.json()["task_id"] == twin.json()["task_id"] == left["id"]
    assert (await send()).headers["idempotent-replayed"] == "true"
    assert len(world.jobs.restored) == 1
    other = await send(style=Style.INK)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_others_find_neither_the_task_nor_the_generation(
    http: httpx.AsyncClient,
) -> None:
    task = await begun(http)
    [generation] = (await job_of(http, task))["generations"]
    stranger = {"Authorization": f"Bearer someone-{uuid4()}"}
    for path in (task["links"]["self"], generation["links"]["self"], f"/status/{uuid4()}"):
        reply = await http.get(path, headers=stranger)
        assert (reply.status_code, reply.json()["code"]) == (404, "job_not_found")


async def test_what_was_made_of_words_is_no_restoration_and_no_restoration_is_a_task(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    task = await begun(http)
    own = await job_of(http, task)
    [generation] = own["generations"]
    await made(world, generation)
    refusals = [
        (await http.post(own["links"]["restore"]), 409, "no_photo"),
        (await http.get(f"/api/v1/restoration/jobs/{own['id']}"), 404, "job_not_found"),
        (await http.get(f"/api/v1/status/{job['id']}"), 404, "job_not_found"),
        (
            await http.post(own["links"]["animate"], json={"restore_id": generation["id"]}),
            *(404, "attempt_not_found"),
        ),
    ]
    for reply, status, code in refusals:
        assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_a_job_without_a_photo_is_deleted_as_others_are(
    http: httpx.AsyncClient, world: Any
) -> None:
    task = await begun(http)
    reply = await http.delete(task["links"]["job"])
    assert reply.status_code == 202, reply.text
    assert world.deletions.begun == [UUID(task["task_id"])]
    assert (await http.get(task["links"]["self"])).status_code == 404

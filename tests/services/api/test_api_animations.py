"""A restoration is told to be animated: what is asked for is checked, and started."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from comfy_graphs import load_pack
from rekindle.contracts import keys
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.errors import WorkflowsUnavailable
from rekindle.models import Attempt
from rekindle.store import attempts


async def ask(http: httpx.AsyncClient, job: dict[str, Any], wish: Any) -> httpx.Response:
    return await http.post(job["links"]["animate"], json=wish)


async def test_a_wish_without_words_animates_the_selected_restoration(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    reply = await http.post(job["links"]["animate"])
    assert reply.status_code == 202, reply.text
    clip = reply.json()
    pack = load_pack("animate")
    defaults = {
        each.name: each.default for each in pack.manifest.parameters if each.default is not None
    }
    assert clip["parameters"] == {**defaults, "seed": clip["seed"]}
    assert (clip["job_id"], clip["restore_id"]) == (job["id"], restoration["id"])
    assert (clip["graph"], clip["graph_version"]) == ("animate", pack.manifest.version)
    assert (clip["status"], clip["stage"], clip["progress"]) == ("queued", "queued", 0)
    nothing_yet = ("preview_url", "thumbnail_url", "width", "height", "seconds", "fps", "error")
    assert [clip[name] for name in nothing_yet] == [None] * len(nothing_yet)
    [command] = world.jobs.restored
    assert command.kind is AttemptKind.ANIMATION
    assert (str(command.attempt_id), str(command.source_id)) == (clip["id"], restoration["id"])
    assert command.source_key == keys.restored_master(UUID(job["id"]), "s")
    assert command.parameters == clip["parameters"]
    assert (command.gpu_class, command.deadline_seconds) == ("video", 1200.0)


async def test_what_is_asked_for_is_what_runs(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    wish = {
        "motion": "pan_left",
        "prompt": "Das Meer glänzt. 海は静か。\nOne more line.",
        "seconds": 6,
        "fps": 30,
        "megapixels": 0.5,
        "seed": 2**53 - 1,
    }
    named = {"graph": "animate_classic", "restore_id": restoration["id"]}
    reply = await ask(http, job, {**wish, **named})
    assert reply.status_code == 202, reply.text
    assert reply.json()["parameters"] == wish
    assert world.jobs.restored[0].parameters == wish


async def test_any_restoration_that_succeeded_can_be_animated(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], succeed: Any
) -> None:
    other = (await http.post(job["links"]["restore"])).json()
    await succeed(other)  # and is selected now
    for restore in (restoration, other):
        clip = (await ask(http, job, {"restore_id": restore["id"]})).json()
        assert clip["restore_id"] == restore["id"]
    assert (await ask(http, job, {})).json()["restore_id"] == other["id"]


async def test_an_animation_can_be_read_at_once_where_its_location_says(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    reply = await ask(http, job, {"seed": 7, "restore_id": restoration["id"]})
    location = reply.headers["location"]
    assert location == reply.json()["links"]["self"]
    found = await http.get(location)
    assert found.json() == reply.json()
    again = await http.get(location, headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_clip_that_was_made_has_its_preview_and_is_the_latest_of_its_job(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], succeed: Any
) -> None:
    queued = await ask(http, job, {})
    before = await http.get(job["links"]["self"])
    await succeed(queued.json())
    clip = (await http.get(queued.json()["links"]["self"])).json()
    assert (clip["status"], clip["progress"]) == ("succeeded", 1)
    assert (clip["width"], clip["height"], clip["seconds"], clip["fps"]) == (64, 48, 4, 24)
    assert "_preview.mp4" in clip["preview_url"]
    assert ".jpg" in clip["thumbnail_url"]
    assert clip["links"] == {
        "self": queued.json()["links"]["self"],
        "job": job["links"]["self"],
        "events": job["links"]["events"],
        "cancel": None,
    }
    after = await http.get(job["links"]["self"])
    assert after.headers["etag"] != before.headers["etag"]
    assert after.json()["latest_animation_id"] == clip["id"]
    assert after.json()["selected_restore_id"] == restoration["id"]


async def test_a_job_lists_restorations_and_animations_apart_and_hd_nowhere(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    clip = (await ask(http, job, {})).json()
    async with world.database.transaction() as session:
        row = await attempts.of_job(session, UUID(job["id"]), UUID(restoration["id"]))
        assert row is not None
        values = {**row.model_dump(), "id": uuid4(), "kind": AttemptKind.HD, "order_id": uuid4()}
        hd = Attempt(**values)
        await attempts.record(session, hd)
    [listed] = (await http.get("/api/v1/jobs")).json()["jobs"]
    for seen in (listed, (await http.get(job["links"]["self"])).json()):
        assert [each["id"] for each in seen["restores"]] == [restoration["id"]]
        assert [each["id"] for each in seen["animations"]] == [clip["id"]]
        assert str(hd.id) not in str(seen)
    for folder in ("restores", "animations"):
        reply = await http.get(f"{job['links']['self']}/{folder}/{hd.id}")
        assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")


async def test_neither_kind_is_found_where_the_other_is(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    clip = (await ask(http, job, {})).json()
    wrong = [
        clip["links"]["self"].replace("/animations/", "/restores/"),
        restoration["links"]["self"].replace("/restores/", "/animations/"),
    ]
    for path in wrong:
        for reply in (await http.get(path), await http.post(f"{path}/cancel")):
            assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")
    assert world.jobs.canceled == []
    animated = await ask(http, job, {"restore_id": clip["id"]})
    assert (animated.status_code, animated.json()["code"]) == (404, "attempt_not_found")


async def test_the_restoration_of_one_call_stays_the_latest_restoration(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    await ask(http, job, {})
    document = (await http.get(f"/api/v1/restoration/jobs/{job['id']}")).json()
    assert (document["status"], document["denoise"]) == ("completed", 0.7)
    assert document["processed_image_url"].split("?")[0] == restoration["preview_url"].split("?")[0]


async def test_without_a_restoration_there_is_nothing_to_animate(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    reply = await ask(http, job, {})
    assert (reply.status_code, reply.json()["code"]) == (409, "nothing_selected")
    assert world.jobs.restored == []


@pytest.mark.parametrize(
    "status",
    [AttemptStatus.QUEUED, AttemptStatus.FAILED, AttemptStatus.CANCELED],
)
async def test_only_a_restoration_that_succeeded_can_be_animated(
    status: AttemptStatus, http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    attempt = (await http.post(job["links"]["restore"])).json()
    if status.is_final:
        async with world.database.transaction() as session:
            await attempts.close(session, UUID(attempt["id"]), status, error_code=None)
    reply = await ask(http, job, {"restore_id": attempt["id"]})
    assert (reply.status_code, reply.json()["code"]) == (409, "attempt_not_selectable")
    assert "animated" in reply.json()["detail"]
    assert (await http.get(job["links"]["self"])).json()["animations"] == []


async def test_a_restoration_of_another_job_is_not_found_in_this_one(
    http: httpx.AsyncClient, restoration: dict[str, Any], make_job: Any, world: Any
) -> None:
    for wanted in (restoration["id"], str(uuid4())):
        reply = await ask(http, await make_job(http), {"restore_id": wanted})
        assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")
    assert world.jobs.restored == []


async def test_an_unknown_motion_is_answered_with_those_there_are(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    motion = load_pack("animate_classic").manifest.parameter("motion")
    assert motion is not None
    reply = await ask(http, job, {"graph": "animate_classic", "motion": "somersault"})
    assert (reply.status_code, reply.json()["code"]) == (422, "parameter_out_of_range")
    for option in motion.options:
        assert option in reply.json()["detail"]


async def test_a_graph_that_does_not_animate_is_answered_with_those_that_do(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    listed = (await http.get("/api/v1/graphs?purpose=animate")).json()["graphs"]
    reply = await ask(http, job, {"graph": "restore"})
    assert (reply.status_code, reply.json()["code"]) == (422, "unknown_graph")
    for graph in listed:
        assert graph["name"] in reply.json()["detail"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"seconds": 1}, "parameter_out_of_range"),
        ({"seconds": 3600}, "parameter_out_of_range"),
        ({"seconds": -4}, "parameter_out_of_range"),
        ({"seconds": 10**400}, "parameter_out_of_range"),
        ({"seconds": 4.5}, "invalid_request"),
        ({"seconds": "4"}, "invalid_request"),
        ({"seconds": True}, "invalid_request"),
        ({"seconds": [4]}, "invalid_request"),
        ({"fps": 0}, "parameter_out_of_range"),
        ({"fps": 1000}, "parameter_out_of_range"),
        ({"fps": 23.976}, "invalid_request"),
        ({"fps": "film"}, "invalid_request"),
        ({"motion": ""}, "parameter_out_of_range"),
        ({"motion": 1}, "invalid_request"),
        ({"motion": ["push_in"]}, "invalid_request"),
        ({"prompt": "x" * 501}, "parameter_out_of_range"),
        ({"prompt": "a\x00b"}, "invalid_request"),
        ({"prompt": "\x1b[31m"}, "invalid_request"),
        ({"prompt": 7}, "invalid_request"),
        ({"seed": -1}, "parameter_out_of_range"),
        ({"seed": 2**53}, "parameter_out_of_range"),
        ({"seed": 10**400}, "parameter_out_of_range"),
        ({"seed": -(10**400)}, "parameter_out_of_range"),
        ({"seed": 1.0}, "invalid_request"),
        ({"megapixels": 0}, "parameter_out_of_range"),
        ({"megapixels": 10**400}, "parameter_out_of_range"),
        ({"megapixels": "large"}, "invalid_request"),
        ({"graph": "undress"}, "unknown_graph"),
        ({"graph": "../animate"}, "unknown_graph"),
        ({"graph": "upscale_hd"}, "unknown_graph"),
        ({"graph": ""}, "unknown_graph"),
        ({"graph": "x" * 200}, "invalid_request"),
        ({"graph": 7}, "invalid_request"),
        ({"restore_id": "first"}, "invalid_request"),
        ({"restore_id": 7}, "invalid_request"),
        ({"denoise": 0.5}, "invalid_request"),
        ({"source_key": "uploaded/x.jpg"}, "invalid_request"),
        ({"price": 0, "paid": True}, "invalid_request"),
        ({"camera": {"zoom": 2}}, "invalid_request"),
        ([], "invalid_request"),
        ("animate", "invalid_request"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wish_that_makes_no_sense_is_refused(
    wish: Any,
    code: str,
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    world: Any,
) -> None:
    reply = await ask(http, job, wish)
    assert (reply.status_code, reply.json()["code"]) == (422, code), reply.text
    assert world.jobs.restored == []
    assert (await http.get(job["links"]["self"])).json()["animations"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"null",
        b'{"seconds": NaN}',
        b'{"fps": Infinity}',
        b'{"seconds": 1e400}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"prompt": "\\ud800"}',
        b'{"restore_id": "\\ud800"}',
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_a_body_that_is_no_wish_is_refused(
    body: bytes, http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    headers = {"Content-Type": "application/json"}
    reply = await http.post(job["links"]["animate"], content=body, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request"), reply.text


async def test_a_prompt_may_be_as_long_as_the_graph_says(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    reply = await ask(http, job, {"prompt": "é" * 500})
    assert reply.status_code == 202, reply.text
    assert reply.json()["parameters"]["prompt"] == "é" * 500


async def test_sent_again_under_its_key_it_is_one_animation(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    key = {"Idempotency-Key": f"key-{uuid4()}"}

    async def send(**wish: Any) -> httpx.Response:
        return await http.post(job["links"]["animate"], json=wish, headers=key)

    first, twin = await asyncio.gather(send(seed=1), send(seed=1))
    again = await send(seed=1)
    assert {first.status_code, twin.status_code, again.status_code} == {202}
    assert first.json()["id"] == twin.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    other = await send(seed=2)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(world.jobs.restored) == 1


async def test_without_workflows_the_wish_is_not_taken(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    world.jobs.failure = WorkflowsUnavailable()
    reply = await ask(http, job, {})
    assert (reply.status_code, reply.json()["code"]) == (503, "workflows_unavailable")
    assert reply.json()["retryable"] is True
    assert (await http.get(job["links"]["self"])).json()["animations"] == []


async def test_a_cancel_is_asked_of_the_workflow_until_the_animation_has_ended(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    clip = (await ask(http, job, {})).json()
    for _ in range(2):
        reply = await http.post(clip["links"]["cancel"])
        assert (reply.status_code, reply.json()["id"]) == (202, clip["id"])
    async with world.database.transaction() as session:
        await attempts.close(session, UUID(clip["id"]), AttemptStatus.CANCELED)
    late = await http.post(clip["links"]["cancel"])
    assert (late.status_code, late.json()["status"]) == (202, "canceled")
    assert late.json()["links"]["cancel"] is None
    assert world.jobs.canceled == [UUID(clip["id"])] * 2


async def test_a_failed_animation_says_why(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    clip = (await ask(http, job, {})).json()
    async with world.database.transaction() as session:
        await attempts.close(
            session, UUID(clip["id"]), AttemptStatus.FAILED, error_code="graph_stalled"
        )
    failed = (await http.get(clip["links"]["self"])).json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "graph_stalled")
    assert (failed["error"]["retryable"], failed["error"]["charged"]) == (True, False)
    assert (await http.get(job["links"]["self"])).json()["latest_animation_id"] is None

"""A restoration is asked for, checked, and started; one of its results is chosen."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from comfy_graphs import load_pack
from rekindle.contracts.jobs import (
    AcceptedAttempt,
    AttemptAccepted,
    AttemptCommand,
    render_input,
)
from rekindle.contracts.statuses import Stage
from rekindle.errors import (
    AttemptNotFound,
    AttemptNotSelectable,
    RekindleError,
    WorkflowsUnavailable,
)
from rekindle.store import attempts


async def ask(http: httpx.AsyncClient, job: dict[str, Any], wish: Any) -> httpx.Response:
    return await http.post(job["links"]["restore"], json=wish)


async def test_a_wish_without_words_gets_every_default_and_a_seed_that_is_told(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    reply = await ask(http, job, {})
    assert reply.status_code == 202
    attempt = reply.json()
    pack = load_pack("restore")
    defaults = {
        each.name: each.default for each in pack.manifest.parameters if each.default is not None
    }
    assert attempt["parameters"] == {**defaults, "seed": attempt["seed"]}
    assert 0 <= attempt["seed"] < 2**53
    assert (attempt["graph"], attempt["graph_version"]) == ("restore", pack.manifest.version)
    assert (attempt["status"], attempt["stage"], attempt["progress"]) == ("queued", "queued", 0)
    assert attempt["error"] is None
    [command] = world.jobs.restored
    assert str(command.attempt_id) == attempt["id"]
    assert command.parameters == attempt["parameters"]
    assert (command.max_retries, command.deadline_seconds) == (2, 77.0)
    assert command.gpu_class == pack.manifest.gpu_class


async def test_no_body_at_all_is_a_wish_without_words(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    assert (await http.post(job["links"]["restore"])).status_code == 202


async def test_a_name_that_is_sent_is_not_repeated_at_length(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    reply = await ask(http, job, {"x" * 50_000: 1})
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert len(reply.content) < 1000


async def test_two_wishes_get_two_seeds(http: httpx.AsyncClient, job: dict[str, Any]) -> None:
    seeds = [(await ask(http, job, {})).json()["seed"] for _ in range(2)]
    assert seeds[0] != seeds[1]


async def test_what_is_asked_for_is_what_runs(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    wish = {
        "denoise": 0,
        "megapixels": 0.5,
        "seed": 2**53 - 1,
        "colorize": False,
        "mode": "enhanced",
    }
    attempt = (await ask(http, job, {**wish, "graph": "restore"})).json()
    assert attempt["parameters"] == wish
    assert world.jobs.restored[0].parameters == wish
    assert isinstance(world.jobs.restored[0].parameters["denoise"], float)


async def test_an_attempt_can_be_read_at_once_where_its_location_says(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    reply = await ask(http, job, {"seed": 7})
    location = reply.headers["location"]
    assert location == reply.json()["links"]["self"]
    assert (await http.get(location)).json() == reply.json()
    assert reply.json()["links"]["job"] == job["links"]["self"]


async def test_a_worker_that_was_faster_is_not_set_back(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    """The workflow may have recorded the attempt, and begun, before the API does."""

    class Faster:
        async def begin(self, photo_job: Any, command: AttemptCommand) -> AttemptAccepted:
            accepted = AcceptedAttempt(command=command, stamp="s")
            row = attempts.queued(render_input(photo_job, accepted))
            async with world.database.transaction() as session:
                await attempts.record(session, row)
                await attempts.advance(
                    session, row.id, try_number=1, stage=Stage.STAGING, progress=0.1, pod_id="p"
                )
            return AttemptAccepted(attempt_id=command.attempt_id, stamp="s")

    world.jobs.begin = Faster().begin
    attempt = (await ask(http, job, {})).json()
    assert (attempt["status"], attempt["progress"]) == ("running", 0.1)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"denoise": -0.01}, "parameter_out_of_range"),
        ({"denoise": 1.01}, "parameter_out_of_range"),
        ({"denoise": 10**400}, "invalid_request"),
        ({"megapixels": 0}, "parameter_out_of_range"),
        ({"megapixels": 1e9}, "parameter_out_of_range"),
        ({"seed": -1}, "parameter_out_of_range"),
        ({"seed": 2**53}, "parameter_out_of_range"),
        ({"seed": 1.5}, "invalid_request"),
        ({"mode": "creative"}, "parameter_out_of_range"),
        ({"denoise": "0.5"}, "invalid_request"),
        ({"denoise": True}, "invalid_request"),
        ({"denoise": [0.5]}, "invalid_request"),
        ({"colorize": "yes"}, "invalid_request"),
        ({"colorize": 1}, "invalid_request"),
        ({"graph": "undress"}, "unknown_graph"),
        ({"graph": "../restore"}, "unknown_graph"),
        ({"graph": ""}, "unknown_graph"),
        ({"graph": "x" * 200}, "invalid_request"),
        ({"graph": 7}, "invalid_request"),
        ({"strength": 0.5}, "invalid_request"),
        ({"status": "succeeded"}, "invalid_request"),
        ({"user_id": "00000000-0000-4000-8000-000000000001"}, "invalid_request"),
        ({"price": 0, "paid": True}, "invalid_request"),
        ({"lora": {"name": "x"}}, "invalid_request"),
        ([], "invalid_request"),
        ("restore", "invalid_request"),
    ],
    ids=str,
)
async def test_a_wish_that_makes_no_sense_is_refused(
    wish: Any, code: str, http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    reply = await ask(http, job, wish)
    assert (reply.status_code, reply.json()["code"]) == (422, code)
    assert world.jobs.restored == []
    assert (await http.get(job["links"]["self"])).json()["restores"] == []


async def test_an_unknown_graph_is_answered_with_those_there_are(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    graphs = (await http.get("/api/v1/graphs?purpose=restore")).json()["graphs"]
    problem = (await ask(http, job, {"graph": "dream"})).json()
    for graph in graphs:
        assert graph["name"] in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"null",
        b'{"denoise": NaN}',
        b'{"denoise": Infinity}',
        b'{"denoise": 1e400}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"graph": "\\ud800"}',
    ],
    ids=repr,
)
async def test_a_body_that_is_no_wish_is_refused(
    body: bytes, http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    headers = {"Content-Type": "application/json"}
    reply = await http.post(job["links"]["restore"], content=body, headers=headers)
    assert reply.status_code == 422, reply.text
    assert reply.json()["code"] in ("invalid_request", "unknown_graph")


async def test_a_wish_of_100_kilobytes_is_refused(
    http: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    reply = await ask(http, job, {"graph": "x" * 100_000})
    assert (reply.status_code, reply.json()["code"]) == (413, "request_too_large")


async def test_without_workflows_the_wish_is_not_taken(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    world.jobs.failure = WorkflowsUnavailable()
    reply = await ask(http, job, {})
    assert (reply.status_code, reply.json()["code"]) == (503, "workflows_unavailable")
    assert reply.json()["retryable"] is True
    assert reply.headers["retry-after"] == "5"
    assert (await http.get(job["links"]["self"])).json()["restores"] == []


async def test_a_chosen_attempt_is_asked_of_the_workflow(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    attempt_id = (await ask(http, job, {})).json()["id"]
    reply = await http.post(job["links"]["select"], json={"attempt_id": attempt_id})
    assert reply.status_code == 200
    assert reply.json()["id"] == job["id"]
    assert world.jobs.selected == [UUID(attempt_id)]


async def test_a_cancel_is_asked_of_the_workflow_as_often_as_it_is_sent(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    attempt = (await ask(http, job, {})).json()
    for _ in range(2):
        reply = await http.post(attempt["links"]["cancel"])
        assert (reply.status_code, reply.json()["id"]) == (202, attempt["id"])
    assert world.jobs.canceled == [UUID(attempt["id"])] * 2


async def test_an_attempt_of_another_job_cannot_be_cancelled(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    attempt = (await ask(http, job, {})).json()
    reply = await http.post(attempt["links"]["cancel"].replace(attempt["id"], str(uuid4())))
    assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")
    assert world.jobs.canceled == []


@pytest.mark.parametrize("error", [AttemptNotFound, AttemptNotSelectable])
async def test_what_the_workflow_says_to_a_choice_is_the_answer(
    error: type[RekindleError], http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    attempt = (await ask(http, job, {})).json()
    world.jobs.failure = error()
    reply = await http.post(job["links"]["select"], json={"attempt_id": attempt["id"]})
    assert (reply.status_code, reply.json()["code"]) == (error.status, error.code)


async def test_a_choice_that_is_no_attempt_of_the_job_never_gets_to_its_workflow(
    http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    reply = await http.post(job["links"]["select"], json={"attempt_id": str(uuid4())})
    assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")
    assert world.jobs.selected == []


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"attempt_id": "first"},
        {"attempt_id": None},
        {"attempt_id": "00000000-0000-4000-8000-000000000001", "paid": True},
    ],
    ids=str,
)
async def test_a_choice_that_makes_no_sense_is_refused(
    choice: Any, http: httpx.AsyncClient, job: dict[str, Any], world: Any
) -> None:
    reply = await http.post(job["links"]["select"], json=choice)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert "first" not in json.dumps(reply.json())
    assert world.jobs.selected == []

"""ComfyUI's HTTP routes: status codes, bodies and headers, as measured on 0.3.64."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

Graph = dict[str, Any]
SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble"


def png(color: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 7), color).save(buffer, "PNG")
    return buffer.getvalue()


async def test_system_stats_tell_the_version_and_one_cpu(server: Any) -> None:
    stats = (await server.http.get("/system_stats")).json()
    assert stats["system"]["comfyui_version"] == "0.3.64"
    assert stats["system"]["argv"][0] == "simulators.comfyui"
    (device,) = stats["devices"]
    assert (device["type"], device["index"]) == ("cpu", None)
    assert 0 < device["vram_free"] <= device["vram_total"]


@pytest.mark.parametrize(
    "path", ["/prompt", "/queue", "/features", "/models", "/object_info", "/history", "/users"]
)
async def test_every_route_has_a_twin_below_api(server: Any, path: str) -> None:
    plain, twin = await server.http.get(path), await server.http.get(f"/api{path}")
    assert plain.status_code == twin.status_code == 200
    assert plain.json() == twin.json()
    assert plain.headers["content-type"] == "application/json; charset=utf-8"


async def test_upload_keeps_names_apart_by_content(server: Any) -> None:
    name = f"{uuid4().hex}.png"
    told = [
        (await server.upload(data, name)).json()["name"]
        for data in (png("red"), png("red"), png("blue"), png("blue"), png("red"))
    ]
    numbered = name.replace(".png", " (1).png")
    assert told == [name, name, numbered, numbered, name]


@pytest.mark.parametrize(("word", "replaces"), [("true", True), ("1", True), ("True", False)])
async def test_overwrite_means_true_or_1_exactly(server: Any, word: str, replaces: bool) -> None:
    folder = uuid4().hex
    await server.upload(png("red"), subfolder=folder)
    reply = await server.upload(png("blue"), subfolder=folder, overwrite=word)
    expected = "p.png" if replaces else "p (1).png"
    assert reply.json() == {"name": expected, "subfolder": folder, "type": "input"}
    seen = await server.http.get(
        "/view", params={"filename": expected, "subfolder": folder, "type": "input"}
    )
    assert seen.content == png("blue")


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("p.png", {"subfolder": "../../x"}, 400),
        ("p.png", {"subfolder": "/etc"}, 400),
        ("../../x.png", {}, 400),
        ("missing/p.png", {}, 500),
        ("/etc/p.png", {}, 500),
        ("p.png", {"type": "bogus"}, 500),
    ],
)
async def test_upload_never_leaves_its_folder(
    server: Any, name: str, fields: dict[str, str], status: int
) -> None:
    before = sorted(server.base.parent.rglob("*.png"))
    reply = await server.upload(png("red"), name, **fields)
    assert reply.status_code == status
    assert reply.text == ("" if status == 400 else SERVER_ERROR)
    assert sorted(server.base.parent.rglob("*.png")) == before


async def test_upload_without_picture_or_with_a_text_as_picture(server: Any) -> None:
    missing = await server.http.post("/upload/image", files={"other": ("a", b"b")})
    assert (missing.status_code, missing.content) == (400, b"")
    as_text = await server.http.post(
        "/upload/image", files={"other": ("a", b"b")}, data={"image": "abc"}
    )
    assert (as_text.status_code, as_text.text) == (500, SERVER_ERROR)


@pytest.mark.parametrize("kind", ["output", "temp"])
async def test_upload_can_go_to_other_folders_and_holds_anything(server: Any, kind: str) -> None:
    name = f"{uuid4().hex}.html"
    reply = await server.upload(b"<b>no picture</b>", name, type=kind)
    assert reply.json() == {"name": name, "subfolder": "", "type": kind}
    seen = await server.http.get("/view", params={"filename": name, "type": kind})
    assert seen.headers["content-type"] == "application/octet-stream"
    assert seen.text == "<b>no picture</b>"


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536):
        yield bytes(65536)


@pytest.mark.parametrize("path", ["/upload/image", "/prompt", "/api/prompt"])
async def test_large_body_is_refused_also_without_a_length(server: Any, path: str) -> None:
    reply = await server.http.post(path, content=chunks(2 * 1024 * 1024))
    if path == "/upload/image":
        reply = await server.upload(bytes(1024 * 1024))
    assert reply.status_code == 413
    assert reply.text == "Maximum request body size 1048576 exceeded."
    assert (await server.http.get("/features")).json()["max_upload_size"] == 1048576


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": ""}, 400),
        ({"filename": "nope.png"}, 404),
        ({"filename": "../x.png"}, 400),
        ({"filename": "/etc/hosts"}, 400),
        ({"filename": "x.png", "type": "bogus"}, 400),
        ({"filename": "x.png", "subfolder": "../.."}, 403),
        ({"filename": "x.png", "subfolder": "/"}, 403),
    ],
)
async def test_view_refuses(server: Any, query: dict[str, str], status: int) -> None:
    reply = await server.http.get("/view", params=query)
    assert (reply.status_code, reply.content) == (status, b"")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=9999-", 416, None),
        ("bytes=9-2", 416, None),
        ("lines=1-2", 416, None),
    ],
)
async def test_view_answers_ranges(
    server: Any, asked: str, status: int, part: slice | None
) -> None:
    data = png("red")
    await server.upload(data, "ranges.png")
    where = {"filename": "ranges.png", "type": "input"}
    reply = await server.http.get("/view", params=where, headers={"Range": asked})
    assert reply.status_code == status
    if part is None:
        assert reply.headers["content-range"] == f"bytes */{len(data)}"
    else:
        assert reply.content == data[part]
        assert reply.headers["accept-ranges"] == "bytes"


async def test_view_tells_type_and_tag(server: Any) -> None:
    await server.upload(png("red"), "tagged.png")
    where = {"filename": "tagged.png [input]"}
    first = await server.http.get("/view", params=where)
    assert first.headers["content-type"] == "image/png"
    assert first.headers["content-disposition"] == 'filename="tagged.png"'
    known = {"If-None-Match": first.headers["etag"]}
    again = await server.http.get("/view", params=where, headers=known)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("query", "kind", "mode"),
    [
        ({"preview": "webp;50"}, "WEBP", "RGBA"),
        ({"preview": "jpeg"}, "JPEG", "RGB"),
        ({"preview": "other"}, "WEBP", "RGBA"),
        ({"channel": "rgb"}, "PNG", "RGB"),
        ({"channel": "a"}, "PNG", "RGBA"),
    ],
)
async def test_view_converts(server: Any, query: dict[str, str], kind: str, mode: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (9, 7), (255, 0, 0, 100)).save(buffer, "PNG")
    await server.upload(buffer.getvalue(), "clear.png")
    where = {"filename": "clear.png", "type": "input"}
    reply = await server.http.get("/view", params=where | query)
    with Image.open(io.BytesIO(reply.content)) as shown:
        assert (shown.format, shown.mode) == (kind, mode)


@pytest.mark.parametrize("body", ["", "no json", "5", '{"prompt": 5}', '{"prompt": {"1": 5}}'])
async def test_body_that_is_no_prompt_is_a_server_error_in_plain_text(
    server: Any, body: str
) -> None:
    reply = await server.http.post("/prompt", content=body)
    assert (reply.status_code, reply.text) == (500, SERVER_ERROR)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "no_prompt"),
        ([], "no_prompt"),
        ({"prompt": {}}, "prompt_no_outputs"),
        ({"prompt": {"1": {"class_type": "Nope"}}}, "invalid_prompt"),
        (
            {"prompt": {"1": {"class_type": "SaveImage", "inputs": {}}}},
            "prompt_outputs_failed_validation",
        ),
    ],
)
async def test_bad_prompt_is_refused_as_json(server: Any, body: Any, kind: str) -> None:
    reply = await server.http.post("/prompt", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == kind
    assert set(reply.json()) == {"error", "node_errors"}


async def test_half_good_prompt_is_accepted_with_its_errors(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    graph = two_nodes() | {
        "9": {"class_type": "LoadImage", "inputs": {"image": "nope.png"}},
        "8": {"class_type": "PreviewImage", "inputs": {"images": ["9", 0]}},
    }
    reply = await server.http.post("/prompt", json={"prompt": graph})
    assert reply.status_code == 200
    assert list(reply.json()["node_errors"]) == ["9"]
    entry = await server.ended(reply.json()["prompt_id"])
    assert entry["status"]["status_str"] == "success"
    assert list(entry["outputs"]) == ["2"]


@pytest.mark.parametrize(("given", "told"), [(12345, "12345"), (None, "None")])
async def test_any_id_is_taken_as_text(
    server: Any, two_nodes: Callable[..., Graph], given: object, told: str
) -> None:
    body = {"prompt": two_nodes(), "prompt_id": given}
    reply = await server.http.post("/prompt", json=body)
    assert reply.json()["prompt_id"] == told
    await server.ended(told)


async def test_canonical_mode_refuses_other_ids_and_mints_missing_ones(
    start: Callable[..., Any], two_nodes: Callable[..., Graph]
) -> None:
    server = start("--canonical-ids")
    good = str(uuid4())
    for bad in (good.upper(), good.replace("-", ""), 5, "x"):
        body = {"prompt": two_nodes(), "prompt_id": bad}
        reply = await server.http.post("/prompt", json=body)
        assert reply.status_code == 400
        assert reply.json()["error"]["type"] == "invalid_prompt_id"
    assert await server.post(two_nodes(), prompt_id=good) == good
    minted = await server.post(two_nodes(), prompt_id=None)
    entry = await server.ended(minted)
    assert len(minted) == 36
    assert entry["prompt"][3]["create_time"] > 1_700_000_000_000
    await server.http.aclose()


async def test_unknown_pending_and_running_prompts_have_an_empty_history(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    await server.hold("SaveImage")
    running = await server.post(two_nodes())
    pending = await server.post(two_nodes())
    for prompt_id in (running, pending, "unknown"):
        reply = await server.http.get(f"/history/{prompt_id}")
        assert (reply.status_code, reply.json()) == (200, {})
    await server.hold()
    await server.ended(pending)


async def test_queue_shows_items_and_deletes_only_pending_ones(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    await server.hold("SaveImage")
    running = await server.post(two_nodes(), client_id="me")
    await until_running(server, running)
    doomed = await server.post(two_nodes())
    shown = (await server.http.get("/queue")).json()
    (item,) = shown["queue_running"]
    assert item[1] == running
    assert item[3:] == [{"client_id": "me"}, ["2"]]
    assert [one[1] for one in shown["queue_pending"]] == [doomed]
    told = (await server.http.get("/prompt")).json()
    assert told == {"exec_info": {"queue_remaining": 2}}
    for ids in ([running, "unknown"], [doomed]):
        reply = await server.http.post("/queue", json={"delete": ids})
        assert (reply.status_code, reply.content) == (200, b"")
    shown = (await server.http.get("/queue")).json()
    assert [len(shown[key]) for key in ("queue_running", "queue_pending")] == [1, 0]
    await server.hold()
    await server.ended(running)
    assert await server.history(doomed) == {}
    assert [run["outcome"] for run in await server.runs(doomed)] == ["deleted"]


async def until_running(server: Any, prompt_id: str) -> None:
    """Wait until the prompt has left the queue of pending ones."""
    async with asyncio.timeout(60):
        while True:
            shown = (await server.http.get("/queue")).json()
            if any(item[1] == prompt_id for item in shown["queue_running"]):
                return


async def test_interrupt_takes_the_running_prompt_only(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    await server.hold("SaveImage")
    running = await server.post(two_nodes())
    pending = await server.post(two_nodes())
    await until_running(server, running)
    for body in ({"prompt_id": pending}, {"prompt_id": "unknown"}):
        reply = await server.http.post("/interrupt", json=body)
        assert (reply.status_code, reply.content) == (200, b"")
    assert await server.history(running) == {}
    await server.http.post("/interrupt", json={"prompt_id": running})
    entry = await server.ended(running)
    assert entry["status"]["status_str"] == "error"
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"
    await server.hold()
    assert (await server.ended(pending))["status"]["status_str"] == "success"
    assert (await server.http.post("/interrupt", content="no json")).status_code == 200


async def test_same_id_posted_twice_runs_twice(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    prompt_id = str(uuid4())
    for prefix in ("first", "second"):
        await server.post(two_nodes(prefix), prompt_id=prompt_id)
        await server.ended(prompt_id)
    entry = await wait_for_prefix(server, prompt_id, "second")
    assert entry["status"]["status_str"] == "success"
    assert [run["outcome"] for run in await server.runs(prompt_id)] == ["success"] * 2


async def wait_for_prefix(server: Any, prompt_id: str, prefix: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            entry: dict[str, Any] = await server.history(prompt_id)
            if entry["outputs"]["2"]["images"][0]["filename"].startswith(prefix):
                return entry


async def test_equal_numbers_and_ids_with_other_graphs_are_a_server_error(
    start: Callable[..., Any], two_nodes: Callable[..., Graph]
) -> None:
    server = start("--node-delay", "SaveImage=3600")
    await server.post(two_nodes())
    body = {"prompt_id": "same", "number": 1}
    assert (await server.http.post("/prompt", json=body | {"prompt": two_nodes("a")})).is_success
    reply = await server.http.post("/prompt", json=body | {"prompt": two_nodes("b")})
    assert (reply.status_code, reply.text) == (500, SERVER_ERROR)
    await server.http.aclose()


async def test_history_can_be_paged_and_forgotten(
    start: Callable[..., Any], two_nodes: Callable[..., Graph]
) -> None:
    server = start()
    ids = [await server.post(two_nodes()) for _ in range(3)]
    await server.ended(ids[-1])
    assert list((await server.http.get("/history")).json()) == ids
    latest = await server.http.get("/history", params={"max_items": 2})
    assert list(latest.json()) == ids[1:]
    window = await server.http.get("/history", params={"max_items": 1, "offset": 1})
    assert list(window.json()) == ids[1:2]
    assert (await server.http.get("/history?max_items=x")).status_code == 500
    await server.http.post("/history", json={"delete": [ids[0], "unknown"]})
    assert list((await server.http.get("/history")).json()) == ids[1:]
    await server.http.post("/history", json={"clear": True})
    assert (await server.http.get("/history")).json() == {}
    await server.http.aclose()


async def test_free_memory_makes_the_same_graph_run_again(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    graph = two_nodes()
    ran = []
    for _ in range(2):
        prompt_id = await server.post(graph)
        await server.ended(prompt_id)
        ran.append((await server.runs(prompt_id))[0]["executed"])
    freed = await server.http.post("/free", json={"unload_models": True, "free_memory": True})
    assert (freed.status_code, freed.content) == (200, b"")
    third = await server.post(graph)
    await server.ended(third)
    # The request only leaves a wish; the executor may take the prompt before it sees it.
    fourth = await server.post(graph)
    await server.ended(fourth)
    later = [(await server.runs(one))[0]["executed"] for one in (third, fourth)]
    assert ran == [["1", "2"], []]
    assert ["1", "2"] in later


async def test_view_of_a_deleted_result_is_404_although_the_run_succeeds(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    graph = two_nodes()
    entry = await server.ended(await server.post(graph))
    (file,) = entry["outputs"]["2"]["images"]
    assert (await server.http.get("/view", params=file)).status_code == 200
    (server.base / "output" / file["filename"]).unlink()
    again = await server.ended(await server.post(graph))
    assert again["outputs"] == entry["outputs"]
    assert (await server.http.get("/view", params=file)).status_code == 404


async def test_new_model_file_is_listed_without_restart(server: Any) -> None:
    assert (await server.http.get("/models/loras")).json() == []
    (server.base / "models" / "loras" / "sub").mkdir(parents=True)
    (server.base / "models" / "loras" / "sub" / "a.safetensors").touch()
    assert (await server.http.get("/models/loras")).json() == ["sub/a.safetensors"]
    assert (await server.http.get("/models/nope")).status_code == 404
    info = (await server.http.get("/object_info/LoraLoaderModelOnly")).json()
    required = info["LoraLoaderModelOnly"]["input"]["required"]
    assert required["lora_name"] == [["sub/a.safetensors"]]
    assert (await server.http.get("/object_info/Nope")).json() == {}


async def test_settings_and_user_files_are_kept(server: Any) -> None:
    http = server.http
    await http.post("/settings", json={"a": 1})
    await http.post("/settings/b", json=[2])
    assert (await http.get("/settings")).json() == {"a": 1, "b": [2]}
    assert (await http.get("/settings/none")).json() is None
    assert (await http.post("/userdata/w%2Fa.json", content=b"{}")).json() == "w/a.json"
    assert (await http.post("/userdata/w%2Fa.json?overwrite=false")).status_code == 409
    assert (await http.get("/userdata?dir=w")).json() == ["a.json"]
    assert (await http.post("/userdata/w%2Fa.json/move/w%2Fb.json")).json() == "w/b.json"
    assert (await http.get("/userdata/w%2Fb.json")).text == "{}"
    assert (await http.delete("/userdata/w%2Fb.json")).status_code == 204
    assert (await http.get("/userdata/w%2Fb.json")).status_code == 404
    assert (await http.get("/userdata/..%2F..%2Finput")).status_code == 403


async def test_internal_listings(server: Any) -> None:
    await server.upload(b"x", "listed.txt")
    assert "listed.txt" in (await server.http.get("/internal/files/input")).json()
    assert (await server.http.get("/internal/files/nope")).status_code == 400
    assert "vae" in (await server.http.get("/internal/folder_paths")).json()
    await server.http.post("/prompt", content="no json")
    assert "POST /prompt failed" in (await server.http.get("/internal/logs")).json()
    assert (await server.http.get("/internal/logs/raw")).json()["entries"]


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://evil.example", None, 403),
        ("http://evil.example", "localhost:8188", 403),
        ("http://evil.example", "comfy.example", 200),
        ("http://127.0.0.1", None, 200),
        (None, None, 200),
    ],
)
async def test_other_sites_are_kept_off_a_loopback_server(
    server: Any, origin: str | None, host: str | None, status: int
) -> None:
    given = {"Origin": origin, "Host": host}
    headers = {name: value for name, value in given.items() if value is not None}
    assert (await server.http.get("/prompt", headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/api/jobs", 404),
        ("GET", "/interrupt", 404),
        ("POST", "/nope", 405),
        ("DELETE", "/prompt", 405),
        ("OPTIONS", "/prompt", 200),
        ("GET", "/ws", 400),
        ("GET", "/", 200),
    ],
)
async def test_paths_and_methods_nobody_serves(
    server: Any, verb: str, path: str, status: int
) -> None:
    reply = await server.http.request(verb, path)
    assert reply.status_code == status
    if (verb, path) == ("DELETE", "/prompt"):
        assert reply.headers["allow"] == "GET,HEAD,POST"


async def test_fault_plan_is_checked_and_can_be_taken_back(start: Callable[..., Any]) -> None:
    server = start("--node-delay", "ImageBlur=1.5", "--step-delay", "0.1")
    initial = {"node_delay": {"ImageBlur": 1.5}, "step_delay": 0.1, "faults": []}
    faults = "/simulator/faults"
    assert (await server.http.get(faults)).json() == initial
    for bad in ('{"node_delay": 3}', '{"typo": 1}', '{"faults": [{"kind": "odd"}]}', "no json"):
        reply = await server.http.post(faults, content=bad)
        assert reply.status_code == 400
        assert reply.json()["error"]
    changed = {
        "node_delay": {"*": 0.5},
        "step_delay": 0.0,
        "faults": [{"kind": "stall", "count": 2, "node": "ImageBlur"}],
    }
    assert (await server.http.post(faults, json=changed)).json() == changed
    assert (await server.http.delete(faults)).json() == initial
    await server.http.aclose()

"""`rekindle comfy` and `rekindle graphs check` against the ComfyUI engine."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import httpx
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app


def invoke(*arguments: str) -> Result:
    return CliRunner(env={"COMFYUI_URL": "", "COMFYUI_TOKEN": ""}).invoke(app, arguments)


def said(result: Result) -> dict[str, Any]:
    """The one JSON object on standard output."""
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def picture(path: str) -> Any:
    return np.asarray(cv2.imread(path))


def empty_image(prefix: str, color: int = 255) -> dict[str, Any]:
    size = {"width": 24, "height": 16, "batch_size": 1, "color": color}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """A graph with a result and a preview, whose results nobody has made before."""
    file = tmp_path / "workflow.json"
    graph = empty_image(f"cli/{uuid4()}/out", color=int.from_bytes(uuid4().bytes[:3], "big"))
    file.write_text(json.dumps(graph))
    return file


def test_a_workflow_file_becomes_files_of_every_kind(
    engine: Any, workflow: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    result = invoke(
        *("comfy", "submit", "--workflow", str(workflow), "--out", str(out)),
        *("--url", engine.url, "--json"),
    )
    assert result.exit_code == 0, result.output
    done = said(result)
    assert done["status"] == "succeeded"
    assert {file["type"] for file in done["files"]} == {"output", "temp"}
    assert sorted(out.iterdir()) == sorted(Path(file["path"]) for file in done["files"])
    for file in done["files"]:
        assert picture(file["path"]).shape == (16, 24, 3)
    assert done["prompt_id"] in result.stderr


def test_a_submitted_prompt_is_found_in_the_queue_then_in_history_and_fetched(
    engine: Any, tmp_path: Path
) -> None:
    engine.delay(ImageInvert=60.0)
    graph = empty_image(f"cli/{uuid4()}/out")
    graph["2"] = {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}
    graph["9"]["inputs"]["images"] = ["2", 0]
    file = tmp_path / "slow.json"
    file.write_text(json.dumps({"prompt": graph}))  # as a body of POST /prompt
    at = ("--url", engine.url, "--json")

    submitted = said(invoke("comfy", "submit", "-w", str(file), *at))
    prompt_id = submitted["prompt_id"]
    assert submitted["status"] == "queued"
    queue = said(invoke("comfy", "queue", *at))["prompts"]
    assert [(p["prompt_id"], p["nodes"]) for p in queue] == [(prompt_id, 3)]
    waiting = said(invoke("comfy", "history", prompt_id, *at))
    assert waiting["status"] in ("running", "waiting")
    early = invoke("comfy", "fetch", prompt_id, "--out", str(tmp_path / "early"), *at)
    assert (early.exit_code, said(early)["code"]) == (1, "not_ended")

    httpx.post(f"{engine.url}/interrupt", json={"prompt_id": prompt_id}, timeout=60)
    while said(ended := invoke("comfy", "history", prompt_id, *at))["entry"] is None:
        pass
    assert said(ended)["status"] == "interrupted"
    late = invoke("comfy", "fetch", prompt_id, "--out", str(tmp_path / "late"), *at)
    assert (late.exit_code, said(late)["code"]) == (1, "graph_interrupted")
    assert "Nothing runs" in invoke("comfy", "queue", "--url", engine.url).stdout


def test_fetching_twice_gives_the_same_files(engine: Any, workflow: Path, tmp_path: Path) -> None:
    done = invoke("comfy", "submit", "-w", str(workflow), "--wait", "--url", engine.url, "--json")
    prompt_id = said(done)["prompt_id"]
    fetch = ("comfy", "fetch", prompt_id, "--out", str(tmp_path / "o"), "--url", engine.url)
    first, again = invoke(*fetch), invoke(*fetch)
    assert first.exit_code == again.exit_code == 0
    assert first.stdout == again.stdout
    assert len(list((tmp_path / "o").iterdir())) == 2
    told = invoke("comfy", "history", prompt_id, "--url", engine.url).stdout
    assert "succeeded" in told
    assert "(temp)" in told


def test_a_graph_that_is_refused_is_explained_node_by_node(engine: Any, tmp_path: Path) -> None:
    graph = empty_image("x")
    graph["1"]["inputs"]["width"] = -5
    graph["1"]["inputs"]["color"] = "mauve"
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(graph))
    result = invoke("comfy", "submit", "-w", str(file), "--url", engine.url)
    assert result.exit_code == 1
    lines = [line for line in result.stderr.splitlines() if "node 1 (EmptyImage)" in line]
    assert any("width" in line and "-5" in line for line in lines)
    assert any("color" in line for line in lines)
    assert "graph_rejected" in result.stderr
    assert "Traceback" not in result.output


def test_a_class_that_the_server_lacks_is_named(engine: Any, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"1": {"class_type": "NoSuchNode", "inputs": {}}}))
    result = invoke("comfy", "submit", "-w", str(file), "--url", engine.url, "--json")
    assert result.exit_code == 1
    assert "NoSuchNode" in said(result)["message"]


def test_a_node_that_fails_is_told_with_its_class_and_reason(engine: Any, tmp_path: Path) -> None:
    name = f"{uuid4()}.png"
    reply = httpx.post(
        f"{engine.url}/upload/image", files={"image": (name, b"no picture")}, timeout=60
    )
    assert reply.status_code == 200
    graph = empty_image("x")
    graph["1"] = {"class_type": "LoadImage", "inputs": {"image": name}}
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(graph))
    result = invoke("comfy", "submit", "-w", str(file), "--wait", "--url", engine.url)
    assert result.exit_code == 1
    assert "failed in LoadImage" in result.stderr
    assert "graph_failed" in result.stderr


def test_an_unknown_prompt_is_said_to_be_unknown(engine: Any) -> None:
    result = invoke("comfy", "history", "nobody-knows-me", "--url", engine.url, "--json")
    assert (result.exit_code, said(result)["code"]) == (1, "unknown_prompt")


def test_the_model_free_pack_can_run_on_a_server_without_models(engine: Any) -> None:
    result = invoke("graphs", "check", "restore_classic", "--url", engine.url, "--json")
    assert result.exit_code == 0, result.output
    assert said(result) == {"usable": True, "findings": {"restore_classic": []}}


def test_missing_models_are_found_one_by_one(engine: Any) -> None:
    result = invoke("graphs", "check", "restore", "--url", engine.url, "--json")
    assert result.exit_code == 1
    found = said(result)["findings"]["restore"]
    assert {finding["kind"] for finding in found} == {"missing_model"}
    assert len(found) == 3
    table = invoke("graphs", "check", "--url", engine.url)
    assert table.exit_code == 1
    assert "restore: cannot run there" in table.stdout
    assert "restore_classic: can run there" in table.stdout
    assert "qwen_image_vae.safetensors" in table.stdout


def test_every_node_of_a_pack_is_known_to_a_server_that_has_it(card_engine: Any) -> None:
    result = invoke("graphs", "check", "restore", "--url", card_engine.url, "--json")
    kinds = {finding["kind"] for finding in said(result)["findings"]["restore"]}
    assert kinds <= {"missing_model"}


def test_the_picture_of_a_photo_goes_through_the_commands_unchanged(
    engine: Any, tmp_path: Path
) -> None:
    photo = np.linspace(0, 255, 20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    name = f"{uuid4()}.png"
    encoded = cv2.imencode(".png", photo)[1].tobytes()
    httpx.post(f"{engine.url}/upload/image", files={"image": (name, encoded)}, timeout=60)
    graph = empty_image(f"cli/{uuid4()}")
    graph["1"] = {"class_type": "LoadImage", "inputs": {"image": name}}
    file = tmp_path / "photo.json"
    file.write_text(json.dumps(graph))
    result = invoke(
        *("comfy", "submit", "-w", str(file), "-o", str(tmp_path / "o"), "--url", engine.url),
        "--json",
    )
    for each in said(result)["files"]:
        assert np.array_equal(picture(each["path"]), photo)

"""What the comfy commands make of files, names and addresses, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.comfy.prompts import fetch_files
from deploy.cli.comfy.workflow import read_graph
from deploy.cli.comfy_server import choose_server
from deploy.cli.failures import FileUnusable, NotConnected
from deploy.cli.main import app
from deploy.embedded.ports import free_port
from rekindle.adapters.comfyui import wire
from rekindle.errors import ModelMissing, ResultUnreadable
from rekindle.ports.comfy import OutputFile

GRAPH = {"1": {"class_type": "EmptyImage", "inputs": {"width": 8}}}


def written(folder: Path, content: object) -> Path:
    file = folder / "workflow.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def invoke(*arguments: str) -> Result:
    return CliRunner(env={"COMFYUI_URL": "", "COMFYUI_TOKEN": ""}).invoke(app, arguments)


@pytest.mark.parametrize("content", [GRAPH, {"prompt": GRAPH, "client_id": "c"}])
def test_an_api_graph_is_read_bare_or_as_a_whole_request(tmp_path: Path, content: object) -> None:
    assert read_graph(written(tmp_path, content)) == GRAPH


def test_a_file_of_the_editor_is_told_how_to_export(tmp_path: Path) -> None:
    saved = {"last_node_id": 9, "nodes": [{"id": 1, "type": "LoadImage"}], "links": []}
    with pytest.raises(FileUnusable, match=r"Export \(API\)"):
        read_graph(written(tmp_path, saved))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[" * 100_000,
        [],
        {},
        {"1": {"inputs": {}}},
        {"1": {"class_type": "A"}},
        {"1": {"class_type": "A", "inputs": []}},
        {"prompt": {}},
        {"1": GRAPH["1"], "2": None},
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(FileUnusable):
        read_graph(written(tmp_path, content))


def test_a_bad_file_is_a_usage_error_and_one_json_object(tmp_path: Path) -> None:
    for file in (tmp_path / "missing.json", written(tmp_path, "x")):
        result = invoke(
            *("comfy", "submit", "-w", str(file), "--url", "http://127.0.0.1:9", "--json")
        )
        assert result.exit_code == 2
        assert json.loads(result.stdout)["code"] == "file_unusable"


class Outputs:
    """A server that has every file but those named `gone`."""

    async def fetch(self, file: OutputFile, target: Path) -> None:
        target.write_text(f"{file.node}/{file.filename}")
        if file.filename == "gone":
            raise ResultUnreadable


def output(node: str, filename: str, **further: Any) -> OutputFile:
    return OutputFile(node=node, filename=filename, subfolder="", kind="output", **further)


async def test_outputs_of_one_name_are_all_kept(tmp_path: Path) -> None:
    files = [output("9", "out.png"), output("10", "out.png"), output("10", "out.png")]
    fetched = await fetch_files(Outputs(), files, tmp_path)  # type: ignore[arg-type]
    contents = {Path(file["path"]).name: Path(file["path"]).read_text() for file in fetched}
    assert contents == {
        "out.png": "9/out.png",
        "10_1_out.png": "10/out.png",
        "10_2_out.png": "10/out.png",
    }


@pytest.mark.parametrize("name", ["../../escaped", "/etc/escaped", "..", "..\\escaped", ""])
async def test_a_name_from_the_server_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "a" / "b"
    (fetched,) = await fetch_files(Outputs(), [output("9", name)], inside)  # type: ignore[arg-type]
    assert Path(fetched["path"]).resolve().parent == inside
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [Path(fetched["path"])]


async def test_an_output_that_breaks_off_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(ResultUnreadable):
        await fetch_files(Outputs(), [output("9", "gone")], tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(FileUnusable):
        await fetch_files(Outputs(), [], tmp_path / "taken")  # type: ignore[arg-type]


def test_the_token_of_the_settings_goes_to_their_server_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMFYUI_URL", raising=False)
    (tmp_path / ".env").write_text("COMFYUI_URL=http://gpu:8188/\nCOMFYUI_TOKEN=hush\n")
    kept = choose_server(None, None)
    assert (kept.url, kept.token) == ("http://gpu:8188", "hush")
    assert choose_server("http://other:8188", None).token is None
    assert choose_server("http://one:8188, http://two:8188", None).url == "http://one:8188"
    assert choose_server(None, "mine").token == "mine"
    assert "hush" not in repr(kept)


@pytest.mark.parametrize(
    "url", ["gpu:8188", "ftp://gpu", "http://", "http://gpu:seven", "http://["]
)
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(NotConnected):
        choose_server(url, None)


def test_without_an_address_the_person_is_asked_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("comfy", "queue")
    assert result.exit_code == 2
    assert "--url" in result.stderr


@pytest.mark.parametrize(
    "command", [("comfy", "queue"), ("comfy", "history", "x"), ("graphs", "check")]
)
def test_a_server_that_is_away_is_exit_code_3(command: tuple[str, ...]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = invoke(*command, "--url", url, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["code"] == "unreachable"
    assert "Traceback" not in result.output


def test_the_queue_is_listed_in_the_order_in_which_it_runs() -> None:
    reply = {
        "queue_running": [[7, "now", {"1": {}}, {}, []]],
        "queue_pending": [[9, "third", {}, {}, []], [-1, "second", {"1": {}, "2": {}}, {}, []]],
    }
    listed = wire.queued_prompts(reply)
    assert [(p.prompt_id, p.running, p.nodes) for p in listed] == [
        ("now", True, 1),
        ("second", False, 2),
        ("third", False, 0),
    ]


def test_a_rejection_has_a_line_for_each_error_of_each_node() -> None:
    errors = [
        {
            "type": "value_not_in_list",
            "message": "Value not in list",
            "details": f"{name}: 'x' not in []",
            "extra_info": {"input_name": name},
        }
        for name in ("clip_name1", "clip_name2")
    ]
    body = {
        "error": {"type": "prompt_outputs_failed_validation", "message": "failed"},
        "node_errors": {"5": {"errors": errors, "class_type": "DualCLIPLoader"}},
    }
    rejected = wire.rejection(json.dumps(body))
    assert isinstance(rejected, ModelMissing)
    assert rejected.problems == (
        "node 5 (DualCLIPLoader): Value not in list: clip_name1: 'x' not in []",
        "node 5 (DualCLIPLoader): Value not in list: clip_name2: 'x' not in []",
    )


@pytest.mark.parametrize("body", ["<html>", "[]", '{"error": "plain words", "node_errors": {}}'])
def test_a_rejection_of_any_shape_is_still_a_rejection(body: str) -> None:
    assert wire.rejection(body).code == "graph_rejected"

"""Which sentence, code and exit code a person or a program gets."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from deploy.cli.failures import Refused, Unreachable
from deploy.cli.main import app
from deploy.cli.reporting import reported
from deploy.embedded.ports import free_port
from rekindle.errors import DataInUse, StorageUnavailable


def invoke(*arguments: str) -> Result:
    return CliRunner(env={"REKINDLE_API": "", "REKINDLE_TOKEN": ""}).invoke(app, arguments)


def test_a_missing_argument_is_a_usage_error() -> None:
    assert invoke("restore").exit_code == 2


def test_a_job_id_that_is_no_uuid_is_a_usage_error() -> None:
    assert invoke("status", "nonsense").exit_code == 2


def test_without_a_running_stack_the_person_is_told_what_to_do(tmp_path: Path) -> None:
    result = invoke("token", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "rekindle dev" in result.stderr
    assert result.stdout == ""


def test_an_api_without_a_token_for_it_is_asked_for(tmp_path: Path) -> None:
    result = invoke("status", str(uuid4()), "--api", "http://127.0.0.1:9", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "--token" in result.stderr


def test_an_api_that_does_not_answer_is_exit_code_3_and_one_json_object() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    result = invoke("status", str(uuid4()), "--api", address, "--token", "t", "--json")
    assert result.exit_code == 3
    answer = json.loads(result.stdout)
    assert (answer["status"], answer["code"]) == ("failed", "unreachable")
    assert address in answer["message"]


def test_a_photo_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    result = invoke(
        *("restore", str(tmp_path / "missing.jpg"), "--out", str(tmp_path / "out.jpg")),
        *("--api", "http://127.0.0.1:9", "--token", "t", "--json"),
    )
    assert result.exit_code == 2
    assert json.loads(result.stdout)["code"] == "file_unusable"


def test_a_refusal_keeps_the_code_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, reported(as_json=True):
        raise Refused("empty_photo", "The uploaded file is empty.", status=422)
    assert left.value.exit_code == 1
    assert json.loads(capsys.readouterr().out) == {
        "status": "failed",
        "code": "empty_photo",
        "message": "The uploaded file is empty.",
    }


def test_a_local_service_may_say_what_happened_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, reported():
        raise DataInUse("/data is in use by process 7; stop it first.")
    assert left.value.exit_code == 1
    printed = capsys.readouterr()
    assert "process 7" in printed.err
    assert printed.out == ""


def test_other_errors_of_ours_show_their_sentence_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), reported():
        raise StorageUnavailable("key uploaded/1.jpg at 10.0.0.1")
    assert "10.0.0.1" not in capsys.readouterr().err


def test_even_a_surprise_leaves_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, reported(as_json=True):
        raise ZeroDivisionError("division by zero")
    assert left.value.exit_code == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["code"] == "unexpected_error"
    assert "Traceback" in printed.err


def test_a_surprise_without_json_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), reported():
        raise ZeroDivisionError


def test_leaving_on_purpose_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, reported(as_json=True):
        raise typer.Exit(0)
    assert left.value.exit_code == 0
    assert capsys.readouterr().out == ""


def test_ctrl_c_is_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, reported(as_json=True):
        raise KeyboardInterrupt
    assert left.value.exit_code == 130
    assert json.loads(capsys.readouterr().out)["code"] == "interrupted"


def test_unreachable_is_exit_code_3() -> None:
    with pytest.raises(typer.Exit) as left, reported():
        raise Unreachable("nobody there")
    assert left.value.exit_code == 3


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_PORT", "hunter2")
    result = invoke("migrate")
    assert result.exit_code == 1
    assert "BACKEND_PORT" in result.stderr
    assert "hunter2" not in result.stderr

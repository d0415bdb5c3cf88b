"""What the commands for pods say before any cloud is asked, and when none answers."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.embedded.ports import free_port

COMMANDS = [
    ("gpus",),
    ("volumes",),
    ("pods", "list"),
    ("pods", "info", "p1"),
    ("pods", "wait", "p1"),
    ("pods", "terminate", "p1"),
    ("pods", "launch", "--name", "mine"),
]
IDS = ["-".join(command[:2]) for command in COMMANDS]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without `.env` and without a running stack."""
    monkeypatch.chdir(tmp_path)


def invoke(*arguments: str, **variables: str) -> Result:
    clean = {"RUNPOD_API_KEY": "", "RUNPOD_API_URL": "", "RUNPOD_NETWORK_VOLUME_ID": ""}
    return CliRunner(env={**clean, "COLUMNS": "200", **variables}).invoke(app, arguments)


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_without_a_key_the_setting_is_named(command: tuple[str, ...]) -> None:
    result = invoke(*command, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["code"] == "settings_invalid"
    assert "RUNPOD_API_KEY" in said["message"]


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_a_cloud_that_is_away_is_exit_code_3_and_the_key_is_not_shown(
    command: tuple[str, ...],
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    patience = ("--timeout", "1") if "wait" in command else ()
    result = invoke(*command, *patience, "--json", RUNPOD_API_KEY="rpa_secret", RUNPOD_API_URL=url)
    assert result.exit_code == 3
    assert json.loads(result.stdout)["code"] == "unreachable"
    assert "rpa_secret" not in result.output


def test_a_key_is_not_sent_in_the_clear() -> None:
    result = invoke(
        *("volumes", "--json"),
        RUNPOD_API_KEY="rpa_x",  # pragma: allowlist secret
        RUNPOD_API_URL="http://example.com",
    )
    assert result.exit_code == 1
    assert "https://" in json.loads(result.stdout)["message"]


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_a_folder_in_which_nothing_runs_is_a_usage_error(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    result = invoke(*command, "--data", str(tmp_path), "--json", RUNPOD_API_KEY="rpa_x")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["code"] == "not_connected"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--name", "rk-dev-image-0-1"),
        ("--name", ""),
        ("--name", "a\nb"),
        ("--name", "x" * 61),
        ("--name", "mine", "--port", "8001"),
        ("--name", "mine", "--port", "http/8001"),
        ("--name", "mine", "--env", "=x"),
        ("--name", "mine", "--env", "NOT_SET_HERE"),
        ("--name", "mine", "--timeout", "0"),
        (),
    ],
    ids=lambda wrong: " ".join(map(repr, wrong))[:50],
)
def test_what_no_pod_can_have_is_a_usage_error(wrong: tuple[str, ...]) -> None:
    result = invoke("pods", "launch", *wrong, RUNPOD_API_KEY="rpa_x")
    assert result.exit_code == 2
    assert "Usage" in result.stderr


def test_a_name_of_the_fleet_is_explained() -> None:
    result = invoke("pods", "launch", "--name", "rk-dev-image-0-1", RUNPOD_API_KEY="rpa_x")
    assert "fleet" in re.sub(r"\s+", " ", result.stderr)

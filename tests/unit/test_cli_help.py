"""`rekindle --help` and what can be known without a service."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from rekindle.settings import as_template

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "demo",
    "dev",
    "restore",
    "animate",
    "status",
    "cancel",
    "delete",
    "undelete",
    "token",
    "keys",
    "comfy",
    "graphs",
    "pods",
    "gpus",
    "volumes",
    "doctor",
    "costs",
    "lab",
    "fleet",
    "schedules",
    "orders",
    "webhooks",
    "jobs",
    "bucket",
    "migrate",
    "settings",
)
SLOW = ("httpx", "pydantic", "sqlalchemy", "boto3", "temporalio", "fastapi", "numpy", "cv2")


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f" {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_no_command_is_a_usage_error_that_shows_the_commands() -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    assert "restore" in result.output


def test_collecting_the_commands_imports_nothing_slow() -> None:
    code = "import sys, deploy.cli.main; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(SLOW) & set(shown.stdout.split()) == set()


def test_settings_prints_the_template() -> None:
    result = CliRunner().invoke(app, ["settings"])
    assert result.exit_code == 0
    assert result.stdout == as_template()


def test_the_committed_template_is_the_present_one() -> None:
    committed = (ROOT / ".env.example").read_text()
    assert committed == as_template(), "run: rekindle settings > .env.example"

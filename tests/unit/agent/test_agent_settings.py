"""What an agent refuses to start with, and that it repeats no secret when it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rekindle.errors import SettingsInvalid
from worker.agent.settings import AgentSettings, read_settings

GOOD = {"REKINDLE_POD_TOKEN": "s" * 32, "COMFYUI_BASE_DIRECTORY": "/srv/comfyui"}
OURS = tuple(name.upper() for name in AgentSettings.model_fields)


def read(monkeypatch: pytest.MonkeyPatch, **changed: str) -> AgentSettings:
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**GOOD, **changed}.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_a_token_and_a_folder_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    assert settings.comfyui_url == "http://127.0.0.1:8188"
    assert (settings.gpu_server_host, settings.gpu_server_port) == ("127.0.0.1", 8001)
    assert settings.dead_man_seconds == 900
    assert settings.runpod_api_url == "https://api.runpod.io"
    assert "s" * 32 not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REKINDLE_POD_TOKEN", "canary" * 5),
        ("REKINDLE_POD_TOKEN", ""),
        ("REKINDLE_POD_TOKEN", "canary with blanks and more than enough letters"),
        ("REKINDLE_POD_TOKEN", "canary-\u00e9-and-more-than-enough-letters"),
        ("COMFYUI_BASE_DIRECTORY", ""),
        ("COMFYUI_URL", "http://10.0.0.7:8188"),
        ("COMFYUI_URL", "http://127.0.0.1.example.org:8188"),
        ("COMFYUI_URL", "https://127.0.0.1:8188"),
        ("COMFYUI_URL", "http://0.0.0.0:8188"),
        ("DEAD_MAN_SECONDS", "0"),
        ("GENERATE_SECONDS", "95"),
        ("GPU_SERVER_PORT", "canary"),
    ],
)
def test_what_could_not_be_safe_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read(monkeypatch, **{name: value})
    assert name in str(refused.value)
    assert "canary" not in str(refused.value)


def test_the_process_says_it_in_a_sentence_and_exits_with_2(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k not in OURS}
    done = subprocess.run(
        [sys.executable, "-m", "worker.agent"],
        env=env | {"REKINDLE_POD_TOKEN": "canary"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("settings_invalid: REKINDLE_POD_TOKEN")
    assert "canary" not in done.stderr

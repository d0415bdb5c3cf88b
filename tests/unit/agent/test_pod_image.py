"""The image recipe and the start script, read as text: what a linter of such files would ask."""

import re
import subprocess
from pathlib import Path

import pytest

POD = Path(__file__).parents[3] / "deploy" / "pod"
SECRET = re.compile(r"(?i)token|secret|password|_key\b|api_key|credential")


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Every instruction of the Dockerfile and its text, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (POD / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(None, 1)[1]) for line in lines if line.strip()]


def last_stage(instructions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    begins = max(i for i, (word, _) in enumerate(instructions) if word == "FROM")
    return instructions[begins:]


def test_it_does_not_run_as_root(instructions: list[tuple[str, str]]) -> None:
    users = [text for word, text in last_stage(instructions) if word == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    words = [word for word, _ in last_stage(instructions)]
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_it_opens_the_agents_port_alone(instructions: list[tuple[str, str]]) -> None:
    assert [text for word, text in instructions if word == "EXPOSE"] == ["8001"]


def test_nothing_is_added_from_an_address_and_no_secret_is_named(
    instructions: list[tuple[str, str]],
) -> None:
    assert "ADD" not in {word for word, _ in instructions}
    for word, text in instructions:
        if word in ("ENV", "ARG", "LABEL"):
            assert not SECRET.search(text), text
        if word == "COPY":
            assert "://" not in text
            assert ".env" not in text


def test_versions_are_pinned(instructions: list[tuple[str, str]]) -> None:
    arguments = dict(text.split("=", 1) for word, text in instructions if word == "ARG")
    assert re.fullmatch("[0-9a-f]{40}", arguments["COMFYUI_COMMIT"])
    assert re.fullmatch(r"[\d.]+", arguments["TORCH_VERSION"])
    assert not arguments["PYTHON_IMAGE"].endswith(":latest")
    runs = " ".join(text for word, text in instructions if word == "RUN")
    assert 'test "$(git rev-parse HEAD)" = "${COMFYUI_COMMIT}"' in runs
    assert "--constraint requirements.lock" in runs
    assert "sudo" not in runs
    assert runs.count("apt-get install") == runs.count("rm -rf /var/lib/apt/lists/*")
    assert runs.count("apt-get install") == runs.count("--no-install-recommends")


def test_only_what_is_needed_is_sent_to_the_build(instructions: list[tuple[str, str]]) -> None:
    lines = (POD / "Dockerfile.dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = set()
    for word, text in instructions:
        if word == "COPY" and "--from" not in text:
            copied |= {s.split("/")[0] for s in text.split()[:-1] if not s.startswith("--")}
    assert copied == sent
    assert "**/.env" in lines


def test_the_script_is_sound_bash_that_can_be_executed() -> None:
    script = POD / "startup.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
    text = re.sub(r"^\s*#.*\n", "", script.read_text(), flags=re.MULTILINE)
    for foreign in ("curl", "wget", "pgrep", "pkill", "flock", "setsid", "jq", "nc "):
        assert not re.search(rf"(^|[\s(|;]){re.escape(foreign)}", text), foreign


def test_every_setting_of_the_agent_that_a_pod_needs_is_told() -> None:
    text = (POD / "README.md").read_text()
    for name in (
        *("REKINDLE_POD_TOKEN", "DEAD_MAN_SECONDS", "RECYCLE_GROWTH_MB", "HUNG_QUEUE_SECONDS"),
        *("COMFYUI_AWAY_SECONDS", "LEAST_FREE_DISK_MB", "GENERATE_SECONDS", "MAX_IMAGE_SIZE_MB"),
        *("GPU_SERVER_HOST", "GPU_SERVER_PORT", "COMFYUI_BASE_DIRECTORY"),
    ):
        assert f"`{name}`" in text

"""The scanners of `make check` find what they are for; each is given one planted fault."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()

# Written in parts, so that this file holds none.
PLANTED = {
    "a key of Stripe": 'KEY = "' + "sk" + "_live_" + "4eC39HqLyjWDarjtT1zdp7dc" + '"',
    "a password in an address": "url = 'postgresql://app:" + "kq8Zr2" + "@db.internal/rekindle'",
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "a random word": 'made = "' + "Zm9yIHlvdXIg" + "ZXllcyBvbmx5IQ8r7TqKw2" + '"',
    "a word that is named so": "api_" + 'key = "correct horse"',
}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_a_check_runs_all_of_them() -> None:
    check, lint = (MAKEFILE.split(f"\n{name}:")[1].split("\n\n")[0] for name in ("check", "lint"))
    assert "types lint" in check
    for words in ("ruff check", "bandit --quiet", ".ci/committed_secrets.py"):
        assert words in lint


def test_committed_secrets_are_found_and_not_repeated(tmp_path: Path) -> None:
    for number, text in enumerate(PLANTED.values()):
        (tmp_path / f"planted_{number}.py").write_text(text + "\n")
    clean = tmp_path / "clean.py"
    clean.write_text('name = "rekindle"\n')

    done = run(".ci/committed_secrets.py", *map(str, sorted(tmp_path.iterdir())))

    assert done.returncode == 1
    for number in range(len(PLANTED)):
        assert f"planted_{number}.py:1: " in done.stdout
    assert "clean.py" not in done.stdout
    for text in PLANTED.values():
        assert text.split('"')[1:2] == [] or text.split('"')[1] not in done.stdout


def test_files_without_a_secret_pass(tmp_path: Path) -> None:
    clean = tmp_path / "clean.py"
    clean.write_text('name = "rekindle"\n')
    done = run(".ci/committed_secrets.py", str(clean))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        ("import pickle\nthing = pickle.loads(data)", "B301"),
        ("import subprocess\nsubprocess.run(command, shell=True)", "B602"),
        ("import yaml\nyaml.load(text)", "B506"),
    ],
    ids=["pickle", "shell", "yaml"],
)
def test_bandit_finds_dangerous_calls(tmp_path: Path, call: str, rule: str) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(call + "\n")
    done = run("-m", "bandit", "--quiet", "--configfile", "pyproject.toml", str(planted))
    assert done.returncode == 1
    assert rule in done.stdout


@pytest.mark.parametrize("room", ["api", "rekindle", "worker"])
def test_ruff_finds_dangerous_calls_in_every_room(room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", f"{room}/planted.py", "-"],
        cwd=ROOT,
        input='"""Planted."""\n\nimport pickle\n\nimport httpx\n\n'
        "thing = pickle.loads(b'')\nreply = httpx.get('https://x.example', verify=False)\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "S301" in done.stdout
    assert "S501" in done.stdout

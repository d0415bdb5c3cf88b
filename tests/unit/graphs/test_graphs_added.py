"""Packs of a folder of one's own, beside those of the release."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import comfy_graphs
from comfy_graphs import add_packs, installed_packs
from rekindle.errors import SettingsInvalid

OWN = Path(comfy_graphs.__file__).parent


def pack(folder: Path, name: str, **changes: Any) -> Path:
    """A copy of a pack under another name; the folder that it lies in."""
    copied = shutil.copytree(OWN / "restore_classic", folder / name)
    manifest = json.loads((copied / "manifest.json").read_text())
    (copied / "manifest.json").write_text(json.dumps(manifest | {"name": name} | changes))
    return folder


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own: what is added there is added nowhere else."""
    return subprocess.run(
        [sys.executable, "-P", *command],
        env=os.environ | {"WORKFLOWS_PATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


CLI = ("-c", "from deploy.cli.main import app; app()")


def test_a_pack_of_one_s_own_is_listed_beside_the_others(tmp_path: Path) -> None:
    ended = run(*CLI, "graphs", "list", "--json", folder=pack(tmp_path, "my_restoration"))
    listed = [each["name"] for each in json.loads(ended.stdout)["graphs"]]
    assert listed == sorted([*installed_packs(), "my_restoration"])


def test_the_api_offers_it(tmp_path: Path) -> None:
    program = """
from api.app import create_app
from api.graphs import restore_pack, restore_packs
from rekindle.settings import Settings
create_app(
    Settings(
        _env_file=None,
        secret_key="s" * 48,
        auth0_domain="http://127.0.0.1:9/",
        auth0_audience="a",
        default_graph="my_restoration",
    )
)
print(*(pack.name for pack in restore_packs()))
"""
    ended = run("-c", program, folder=pack(tmp_path, "my_restoration"))
    assert "my_restoration" in ended.stdout.split(), ended.stderr


def nothing(folder: Path) -> Path:
    return folder / "absent"


def same_name(folder: Path) -> Path:
    return pack(folder, "restore_classic")


def no_json(folder: Path) -> Path:
    (pack(folder, "broken") / "broken" / "manifest.json").write_text("{")
    return folder


def other_name(folder: Path) -> Path:
    (pack(folder, "one") / "one").rename(folder / "another")
    return folder


def contradiction(folder: Path) -> Path:
    return pack(folder, "broken", output={"node": "no such node", "content_type": "image/png"})


def no_graph(folder: Path) -> Path:
    (pack(folder, "broken") / "broken" / "graph.json").unlink()
    return folder


@pytest.mark.parametrize(
    ("folder_with", "told"),
    [
        (nothing, "there is no folder"),
        (same_name, "there is a pack restore_classic already"),
        (no_json, "broken: "),
        (other_name, "another: the manifest in another is of one"),
        (contradiction, "broken: "),
        (no_graph, "broken: "),
    ],
)
def test_a_folder_that_cannot_be_used_adds_nothing(
    folder_with: Any, told: str, tmp_path: Path
) -> None:
    before = installed_packs()
    pack(tmp_path, "a_good_one")
    with pytest.raises(SettingsInvalid, match=r"^WORKFLOWS_PATH: ") as refused:
        add_packs(str(folder_with(tmp_path)))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert installed_packs() == before


def test_without_a_folder_there_are_those_of_the_release() -> None:
    before = installed_packs()
    add_packs("")
    assert installed_packs() == before


def test_a_worker_says_in_one_line_which_pack_is_broken(tmp_path: Path) -> None:
    ended = run("-m", "worker.main", folder=no_json(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.startswith("WORKFLOWS_PATH: broken: ")
    assert len(ended.stderr.splitlines()) == 1

"""`rekindle demo` as a newcomer runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PICTURES = ("original", "aged", "restored", "preview", "before_after")


def run_demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [Path(sys.executable).with_name("rekindle"), "demo", "--json", "--out", "pictures"],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=360,
    )


def load(path: str) -> NDArray[np.uint8]:
    picture = cv2.imread(path)
    assert picture is not None, path
    return picture.astype(np.uint8)


def test_demo_restores_an_aged_photo_and_leaves_pictures_and_nothing_else(
    tmp_path: Path, processes_using: Callable[[Path], dict[int, str]]
) -> None:
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "succeeded"
    pictures = {name: load(result[name]) for name in PICTURES}
    assert {Path(result[name]).parent for name in PICTURES} == {tmp_path / "pictures"}
    assert result["psnr_after"] > result["psnr_before"] + 3
    assert not np.array_equal(pictures["restored"], pictures["original"])
    assert 0 < result["engine_seconds"] < result["seconds"]
    assert processes_using(tmp_path) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".rekindle", "pictures"]


def test_a_demo_that_cannot_render_says_so_in_one_json_object(
    tmp_path: Path, processes_using: Callable[[Path], dict[int, str]]
) -> None:
    done = run_demo(tmp_path, COMFYUI_URL="http://127.0.0.1:9", RESTORE_DEADLINE="3")
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert (result["status"], result["code"]) == ("failed", "no_capacity")
    assert result["message"].endswith(".")
    assert processes_using(tmp_path) == {}

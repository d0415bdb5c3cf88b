"""`rekindle demo` as a newcomer runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

Picture = NDArray[np.uint8]
PICTURES = ("original", "aged", "restored", "preview", "before_after")


def run_demo(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [
            Path(sys.executable).with_name("rekindle"),
            "demo",
            "--json",
            "--out",
            "pictures",
            *options,
        ],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=360,
    )


def load(path: str) -> Picture:
    picture = cv2.imread(path)
    assert picture is not None, path
    return picture.astype(np.uint8)


def assert_hd_of(master: Picture, hd: Picture) -> None:
    """HD shows what the master shows, twice as wide and as high."""
    height, width = master.shape[:2]
    assert hd.shape[:2] == (2 * height, 2 * width)
    small = cv2.resize(hd, (width, height), interpolation=cv2.INTER_AREA)
    likeness = structural_similarity(small, master, channel_axis=2)  # type: ignore[no-untyped-call]
    assert likeness >= 0.95


def assert_plays(clip: Path) -> None:
    with av.open(str(clip)) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 48


def test_a_paid_demo_restores_animates_and_buys_hd_and_leaves_files_and_nothing_else(
    tmp_path: Path, processes_using: Callable[[Path], dict[int, str]]
) -> None:
    done = run_demo(tmp_path, "--paid")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "succeeded"
    pictures = {name: load(result[name]) for name in PICTURES}
    assert {Path(result[name]).parent for name in PICTURES} == {tmp_path / "pictures"}
    assert result["psnr_after"] > result["psnr_before"] + 3
    assert not np.array_equal(pictures["restored"], pictures["original"])
    assert 0 < result["engine_seconds"] < result["seconds"]
    picture, clip = result["paid"]["orders"]
    assert [order["product"] for order in (picture, clip)] == ["hd_image", "hd_animation"]
    assert result["paid"]["audit"] == {"orders": 2, "payments": 2, "differences": []}
    assert min(order["amount"] for order in (picture, clip)) > 0
    assert_hd_of(pictures["restored"], load(picture["hd"]))
    assert_plays(Path(result["paid"]["animation_preview"]))
    assert_plays(Path(clip["hd"]))
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

"""A clip is never held as a whole."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from rekindle.adapters.confined.child.video.memory import memory_for
from rekindle.adapters.confined.template import PROGRAM
from rekindle.adapters.pyav import PyAvVideoDecoder


@pytest.fixture
def long_clip(clips: Any, tmp_path: Path) -> Path:
    """More bytes of pixels than a child may have of memory, in a small file."""
    width, height, count = 640, 480, 1_100
    assert memory_for(width * height) < width * height * count * 3 // 2
    some = clips.moving(width, height, 10)
    frames = [some[index // 20 % 10] for index in range(count)]
    options = {"preset": "ultrafast", "crf": "30"}
    source: Path = clips.write(tmp_path / "master.mp4", frames, rate=30, options=options)
    return source


@pytest.mark.slow
async def test_clip_longer_than_the_memory_passes(
    videos: PyAvVideoDecoder, long_clip: Path, into: Path
) -> None:
    made = await videos.derive(long_clip, into)
    assert made.master_frames == 1_100
    labelled = await videos.label(long_clip, into, digital_source_type="algorithmicallyEnhanced")
    assert labelled.width == 640


def test_parent_stays_small_whatever_is_read(master: Path, into: Path) -> None:
    with master.open("ab") as file:
        file.truncate(200 * 1024 * 1024)  # a tail of zeros, which decoders ignore
    code = f"""
import asyncio
from pathlib import Path
from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.ports.videos import VideoLimits
decoder = PyAvVideoDecoder(VideoLimits(timeout_seconds=200))
asyncio.run(decoder.derive(Path({str(master)!r}), Path({str(into)!r})))
print(Path("/proc/self/status").read_text())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = re.search(r"VmHWM:\s+(\d+)", run.stdout)
    assert found
    assert int(found[1]) < 100 * 1024


async def test_no_child_and_no_descriptor_is_left_after_many_videos(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    source = clips.write(tmp_path / "master.mp4", clips.moving(32, 32, 2))
    await videos.derive(source, into)
    before = psutil.Process().num_fds()
    for _ in range(4):
        await videos.derive(source, into)
        await videos.label(source, into, digital_source_type="algorithmicallyEnhanced")
    # What other tests left to the garbage collector may go meanwhile; a leak would be four.
    assert psutil.Process().num_fds() - before < 4
    assert not [child for child in psutil.Process().children() if _reads_a_video(child)]


def _reads_a_video(template: psutil.Process) -> bool:
    """Whether a template has a child that is alive."""
    try:
        if str(PROGRAM) not in template.cmdline():
            return False
        return any(child.status() != psutil.STATUS_ZOMBIE for child in template.children())
    except psutil.NoSuchProcess:
        return False

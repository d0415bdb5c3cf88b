"""The parent's side of videos."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rekindle.adapters.confined.template import Template
from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.errors import DecoderBusy, ResultUnreadable
from rekindle.ports.videos import VideoDecoder, VideoLimits
from tests.unit.confined.decoder_contract import HANG, START, DecoderContract, Read, until_ready

DONE = """
size = {"width": 4, "height": 2}
done = {"shown": size, "frames": 6, "fps": 3.0, "written": []}
for name in ("preview", "thumbnail", "labelled"):
    if name in order:
        content = b"\\xff\\xd8\\xff.." if name == "thumbnail" else b"\\0\\0\\0\\x20ftypisom"
        open(order[name], "wb").write(content)
        done["written"].append(size)
print(json.dumps({"done": done}))
"""

Make = Callable[..., PyAvVideoDecoder]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip"
    path.write_bytes(b"what a graph made")
    return path


@pytest.fixture
def make(template: Template, program: Path) -> Make:
    """Makes a decoder whose children do as the given Python text says."""

    def make(text: str, limits: VideoLimits | None = None) -> PyAvVideoDecoder:
        program.write_text(text)
        return PyAvVideoDecoder(limits, template=template)

    return make


class TestVideos(DecoderContract):
    unreadable = ResultUnreadable
    too_slow = "too_slow: killed after 1 s"
    output = "preview"

    @pytest.fixture
    def reading(self, make: Make, clip: Path, into: Path) -> Read:
        def reading(text: str, **limits: Any) -> Callable[[], Awaitable[object]]:
            decoder = make(text, VideoLimits(**limits))
            return lambda: decoder.derive(clip, into)

        return reading


def test_parent_never_imports_pyav_or_pillow() -> None:
    code = "import sys, rekindle.adapters.pyav; print({'av', 'PIL', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_decoder_satisfies_the_port(make: Make) -> None:
    decoder: VideoDecoder = make("")
    assert decoder


async def test_results_are_moved_into_place_and_nothing_else_stays(
    make: Make, clip: Path, into: Path
) -> None:
    decoder = make(START + DONE)
    made = await decoder.derive(clip, into)
    labelled = await decoder.label(clip, into, digital_source_type="x")

    names = ["labelled.mp4", "preview.mp4", "thumbnail.jpg"]
    assert sorted(path.name for path in into.iterdir()) == names
    assert [labelled.path.name, made.preview.path.name, made.thumbnail.path.name] == names
    assert (made.master_frames, made.master_fps, made.master_seconds) == (6, 3.0, 2.0)
    assert made.master_size_bytes == 17


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "os.abort()",
        "sys.exit(3)",
        "print('{}')",
        "print('not json')",
        "print('x' * 10_000_000)",
        "print(json.dumps({'refused': 'damaged', 'note': 'vendor words'}))",
        DONE.replace("append(size)", "clear()"),
        DONE.replace("ftyp", "<htm"),
        DONE.replace("3.0", "'fast'"),
        DONE.replace('"shown": size, "frames": 6, "fps": 3.0', '"format": "png", "stored": size'),
    ],
)
async def test_child_that_dies_lies_or_refuses_means_an_unreadable_result(
    make: Make, clip: Path, into: Path, end: str
) -> None:
    decoder = make(START + end)
    with pytest.raises(ResultUnreadable) as unreadable:
        await decoder.derive(clip, into)
    with pytest.raises(ResultUnreadable):
        await decoder.label(clip, into, digital_source_type="x")
    assert "vendor" not in unreadable.value.public_detail
    assert list(into.iterdir()) == []


async def test_a_label_waits_for_the_same_turns_as_a_derivation(
    make: Make, clip: Path, into: Path
) -> None:
    decoder = make(START + HANG, VideoLimits(children=1, queue_seconds=0.05))
    first = asyncio.create_task(decoder.derive(clip, into))
    await until_ready(into)
    with pytest.raises(DecoderBusy):
        await decoder.label(clip, into, digital_source_type="x")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_child_learns_the_limits_and_no_path_of_the_clip(
    make: Make, clip: Path, into: Path
) -> None:
    seen = into.parent / "seen.json"
    spy = f"open({str(seen)!r}, 'w').write(json.dumps([order, dict(os.environ), sys.stdin.read()]))"
    limits = VideoLimits(max_frames=7, max_seconds=8, max_side=9, max_pixels=10)
    await make(START + spy + DONE, limits).label(clip, into, digital_source_type="x")
    order, environment, text = json.loads(seen.read_text())
    assert {order[f"max_{name}"] for name in ("frames", "seconds", "side", "pixels")} == {
        7,
        8,
        9,
        10,
    }
    assert order["source_bytes"] == 17
    assert str(clip) not in json.dumps(order)
    assert set(environment) <= {"LC_CTYPE"}  # which Python sets itself in the C locale
    assert text == "what a graph made"

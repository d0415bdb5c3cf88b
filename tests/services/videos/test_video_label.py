"""The origin label of a video that is delivered, through the real child."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.errors import PlatformError, ResultUnreadable

ADDRESS = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


async def test_streams_are_the_same_bytes_at_the_same_times(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    source = clips.write(tmp_path / "hd.mp4", clips.moving(320, 180, 24), sound=True)
    made = await videos.label(source, into, digital_source_type="trainedAlgorithmicMedia")

    before, after = clips.packets(source), clips.packets(made.path)
    assert after == before
    assert set(after) == {"video", "audio"}
    assert made.path == into / "labelled.mp4"
    assert (made.media_type, made.width, made.height) == ("video/mp4", 320, 180)
    assert made.size_bytes == made.path.stat().st_size
    assert [path.name for path in into.iterdir()] == ["labelled.mp4"]


async def test_label_can_be_read_back_and_the_graph_cannot(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    assert b"canary" in master.read_bytes()
    made = await videos.label(master, into, digital_source_type="trainedAlgorithmicMedia")

    metadata = clips.read(made.path).metadata
    assert metadata["comment"] == ADDRESS
    tree = ElementTree.fromstring(metadata["xmp"])  # noqa: S314
    assert ADDRESS in [value for element in tree.iter() for value in element.attrib.values()]
    assert b"canary" not in made.path.read_bytes()


async def test_index_comes_before_the_data_and_the_label_last(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    assert clips.boxes(master)[-1] == "moov"
    made = await videos.label(master, into, digital_source_type="trainedAlgorithmicMedia")
    boxes = [name for name in clips.boxes(made.path) if name != "free"]
    assert boxes == ["ftyp", "moov", "mdat", "uuid"]


async def test_a_labelled_video_can_be_labelled_again(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    made = await videos.label(master, into, digital_source_type="trainedAlgorithmicMedia")
    once = made.path.read_bytes()
    again = await videos.label(made.path, into, digital_source_type="trainedAlgorithmicMedia")
    assert again.path.read_bytes() == once


async def test_rotation_stays(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    source = clips.write(tmp_path / "hd.mp4", clips.moving(64, 48, 4), rotation=90)
    made = await videos.label(source, into, digital_source_type="trainedAlgorithmicMedia")
    assert clips.read(made.path).rotation == 90
    assert (made.width, made.height) == (48, 64)


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx265", {"x265-params": "log-level=none"}),
        ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
        ("libsvtav1", {"preset": "12"}),
    ],
)
async def test_other_codecs_are_copied_too(
    videos: PyAvVideoDecoder,
    clips: Any,
    tmp_path: Path,
    into: Path,
    codec: str,
    options: dict[str, str],
) -> None:
    frames = clips.moving(160, 90, 6)
    source = clips.write(tmp_path / "hd.mp4", frames, codec=codec, options=options)
    made = await videos.label(source, into, digital_source_type="trainedAlgorithmicMedia")
    assert clips.packets(made.path) == clips.packets(source)
    assert len(clips.read(made.path).frames) == 6


async def test_word_outside_the_vocabulary_is_no_fault_of_the_video(
    videos: PyAvVideoDecoder, master: Path, into: Path
) -> None:
    with pytest.raises(PlatformError) as failed:
        await videos.label(master, into, digital_source_type="a/b")
    assert not isinstance(failed.value, ResultUnreadable)
    assert list(into.iterdir()) == []


async def test_colours_that_a_video_does_not_name_are_named(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    # Browsers would take an HD video that says nothing for BT.709; ComfyUI's is BT.601.
    source = clips.write(tmp_path / "hd.mp4", clips.moving(1280, 720, 2))
    made = await videos.label(source, into, digital_source_type="trainedAlgorithmicMedia")
    before, after = clips.read(source), clips.read(made.path)
    assert before.colours == (2, 0)
    assert after.colours == (6, 1)
    for one, other in zip(before.frames, after.frames, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 2


async def test_colours_that_a_video_names_stay(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    options = {"x264-params": "colormatrix=bt709:fullrange=on"}
    source = clips.write(tmp_path / "hd.mp4", clips.moving(64, 48, 2), options=options)
    made = await videos.label(source, into, digital_source_type="trainedAlgorithmicMedia")
    assert clips.read(made.path).colours == clips.read(source).colours == (1, 2)

"""Files that are no video, not a whole one, or too much of one."""

import random
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.errors import ResultUnreadable
from rekindle.ports.videos import VideoLimits

PATIENT = VideoLimits(timeout_seconds=200, queue_seconds=200)


async def refused(videos: PyAvVideoDecoder, source: Path, into: Path) -> str:
    """Why both operations refuse the file; they leave nothing behind."""
    with pytest.raises(ResultUnreadable):
        await videos.label(source, into, digital_source_type="algorithmicallyEnhanced")
    with pytest.raises(ResultUnreadable) as why:
        await videos.derive(source, into)
    assert list(into.iterdir()) == []
    return str(why.value)


@pytest.fixture
def good(clips: Any, tmp_path: Path) -> bytes:
    return bytes(clips.write(tmp_path / "good.mp4", clips.moving(160, 120, 24)).read_bytes())


@pytest.mark.parametrize("fault", ["empty", "text", "png", "webm", "gif", "mpegts", "sound only"])
async def test_what_is_no_mp4_with_pictures_is_refused(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path, fault: str
) -> None:
    source, frames = tmp_path / "master.mp4", clips.moving(64, 48, 4)
    if fault == "webm":
        options = {"deadline": "realtime", "cpu-used": "8"}
        clips.write(source, frames, codec="libvpx-vp9", container="webm", options=options)
    elif fault == "gif":
        clips.write(source, frames, codec="gif", container="gif", pixel_format="rgb8", options={})
    elif fault == "mpegts":
        clips.write(source, frames, container="mpegts")
    elif fault == "sound only":
        clips.write_sound(source)
    else:
        content = {"empty": b"", "text": b'{"error": "x"}', "png": b"\x89PNG\r\n\x1a\n" + bytes(99)}
        source.write_bytes(content[fault])
    await refused(videos, source, into)


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "mpeg2video"])
async def test_codec_that_no_pack_writes_is_not_even_opened(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path, codec: str
) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    source = clips.write(
        tmp_path / "master.mp4",
        clips.moving(64, 48, 4),
        codec=codec,
        pixel_format=pixel_format,
        options={},
        rate=24,
    )
    await refused(videos, source, into)


@pytest.mark.parametrize("kept", [0.01, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("index_first", [False, True], ids=["index last", "index first"])
async def test_cut_off_video_is_refused(
    videos: PyAvVideoDecoder,
    good: bytes,
    tmp_path: Path,
    into: Path,
    index_first: bool,
    kept: float,
) -> None:
    source = tmp_path / "good.mp4"
    content = good
    if index_first:
        made = await videos.label(source, into, digital_source_type="algorithmicallyEnhanced")
        content = made.path.read_bytes()
        content = content[: content.rindex(b"uuid") - 4]
        made.path.unlink()
    source.write_bytes(content[: int(len(content) * kept)])
    await refused(videos, source, into)


async def test_video_that_lacks_its_last_byte_is_refused(
    videos: PyAvVideoDecoder, clips: Any, good: bytes, tmp_path: Path, into: Path
) -> None:
    made = await videos.label(
        tmp_path / "good.mp4", into, digital_source_type="algorithmicallyEnhanced"
    )
    content = made.path.read_bytes()
    made.path.unlink()
    source = tmp_path / "cut.mp4"
    source.write_bytes(content[: content.rindex(b"uuid") - 5])
    await refused(videos, source, into)


async def test_hole_in_the_data_is_refused(
    videos: PyAvVideoDecoder, good: bytes, tmp_path: Path, into: Path
) -> None:
    middle = len(good) // 2
    source = tmp_path / "holed.mp4"
    source.write_bytes(good[:middle] + bytes(200) + good[middle + 200 :])
    await refused(videos, source, into)


async def test_mutated_videos_are_read_or_refused_and_nothing_remains(
    videos: PyAvVideoDecoder, good: bytes, tmp_path: Path, into: Path
) -> None:
    random_ = random.Random(5)
    source = tmp_path / "mutated.mp4"
    index = good.index(b"moov")
    for turn in range(40):
        content = bytearray(good)
        low, high = (index, len(good)) if turn % 2 else (0, len(good))
        for _ in range(random_.choice((1, 3, 30))):
            content[random_.randrange(low, high)] = random_.randrange(256)
        source.write_bytes(content)
        try:
            made = await videos.derive(source, into)
        except ResultUnreadable:
            assert list(into.iterdir()) == []
        else:
            made.preview.path.unlink()
            made.thumbnail.path.unlink()


async def test_sound_that_nobody_can_name_is_left_out(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    source = clips.write(tmp_path / "master.mp4", clips.moving(64, 48, 4), sound=True)
    content = source.read_bytes()
    source.write_bytes(content.replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"))
    made = await videos.label(source, into, digital_source_type="algorithmicallyEnhanced")
    assert clips.read(made.path).tracks == ["video"]
    assert (await videos.derive(source, into)).master_frames == 4


async def test_pictures_that_nobody_can_name_are_refused(
    videos: PyAvVideoDecoder, good: bytes, tmp_path: Path, into: Path
) -> None:
    source = tmp_path / "master.mp4"
    source.write_bytes(good.replace(b"avc1", b"zzzz"))
    await refused(videos, source, into)


def _with_samples(content: bytes, count: int) -> bytes:
    """The same file, but its index says that it has so many frames of one byte each."""
    at = content.index(b"stsz") + 8
    changed = bytearray(content)
    struct.pack_into(">II", changed, at, 1, count)
    at = changed.index(b"stts") + 12
    struct.pack_into(">I", changed, at, count)
    return bytes(changed)


@pytest.mark.parametrize("count", [1_000_000, 2**31 - 1, 2**32 - 1])
async def test_index_of_a_million_frames_is_refused(
    videos: PyAvVideoDecoder, good: bytes, tmp_path: Path, into: Path, count: int
) -> None:
    source = tmp_path / "bomb.mp4"
    source.write_bytes(_with_samples(good, count))
    await refused(videos, source, into)


async def test_limits_of_length_are_exact(clips: Any, tmp_path: Path, into: Path) -> None:
    frames = clips.moving(32, 32, 24)
    source = clips.write(tmp_path / "master.mp4", frames, rate=12)
    assert (
        await PyAvVideoDecoder(replace(PATIENT, max_frames=24, max_seconds=2)).derive(source, into)
    ).master_frames == 24
    for path in into.iterdir():
        path.unlink()
    for limits in (replace(PATIENT, max_frames=23), replace(PATIENT, max_seconds=1.9)):
        assert "too_long" in await refused(PyAvVideoDecoder(limits), source, into)


async def test_limits_of_size_are_exact(clips: Any, tmp_path: Path, into: Path) -> None:
    source = clips.write(tmp_path / "master.mp4", clips.moving(64, 48, 2))
    fits = replace(PATIENT, max_pixels=64 * 48, max_side=64)
    assert (await PyAvVideoDecoder(fits).derive(source, into)).master_width == 64
    for path in into.iterdir():
        path.unlink()
    await refused(PyAvVideoDecoder(replace(PATIENT, max_pixels=64 * 48 - 1)), source, into)
    assert "side_too_long" in await refused(
        PyAvVideoDecoder(replace(PATIENT, max_side=63)), source, into
    )


async def test_pixels_stretched_beyond_the_limits_are_refused(
    clips: Any, tmp_path: Path, into: Path
) -> None:
    frames = clips.moving(640, 16, 2)
    source = clips.write(tmp_path / "master.mp4", frames, aspect=Fraction(3, 2))
    videos = PyAvVideoDecoder(replace(PATIENT, max_side=959))
    assert "side_too_long" in await refused(videos, source, into)


async def test_one_byte_more_than_allowed_is_refused_without_a_child(
    tmp_path: Path, into: Path
) -> None:
    source = tmp_path / "master.mp4"
    source.write_bytes(bytes(1001))
    limits = replace(PATIENT, max_bytes=1000)
    assert "1000 bytes" in await refused(PyAvVideoDecoder(limits), source, into)


async def test_frames_that_grow_on_the_way_are_refused(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    source = tmp_path / "growing.mp4"
    options = {"x264-params": "repeat-headers=1:keyint=1:annexb=0"}
    with av.open(str(source), "w") as output:
        small = output.add_stream("libx264", rate=12, options=options)
        small.width, small.height = 64, 48
        large = av.CodecContext.create("libx264", "w")
        large.width, large.height, large.pix_fmt = 640, 480, "yuv420p"
        large.time_base, large.options = Fraction(1, 12), options
        for frame in clips.moving(64, 48, 4):
            output.mux(small.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(small.encode(None))
        packets = []
        for index, frame in enumerate(clips.moving(640, 480, 4)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = 4 + index, Fraction(1, 12)
            packets += large.encode(picture)
        for packet in packets + large.encode(None):
            packet.stream = small
            output.mux(packet)
    with av.open(str(source)) as container:
        assert {f.width for f in container.decode(video=0)} == {64, 640}
    assert "size of the frames changes" in await refused(videos, source, into)


async def test_broken_text_in_the_metadata_is_no_obstacle(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    frames = [np.zeros((16, 16, 3), np.uint8)] * 3
    source = clips.write(tmp_path / "master.mp4", frames, metadata={"title": "canary"})
    source.write_bytes(source.read_bytes().replace(b"canary", b"\xff\xfe\xc3\x28\xa0\xa1"))
    assert (await videos.derive(source, into)).master_frames == 3

"""What is shown of an animation, through the real child."""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.errors import PlatformError, ResultUnreadable

ADDRESS = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    grays = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (one, other)]
    return float(structural_similarity(*grays))  # type: ignore[no-untyped-call]


def scaled(picture: np.ndarray, like: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, like.shape[1::-1], interpolation=cv2.INTER_AREA)


async def test_preview_plays_in_every_browser(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    made = await videos.derive(master, into)
    seen = clips.read(made.preview.path)

    assert (seen.codec, seen.profile, seen.pixel_format) == ("h264", "High", "yuv420p")
    assert seen.level <= 42
    assert seen.colours == (1, 1)  # BT.709, studio range: no player has to guess
    assert seen.tracks == ["video"]
    assert (len(seen.frames), seen.rate) == (24, 12)
    assert seen.frames[0].shape == (made.preview.height, made.preview.width, 3) == (432, 768, 3)
    boxes = clips.boxes(made.preview.path)
    assert boxes[0] == "ftyp"
    assert boxes.index("moov") < boxes.index("mdat")
    assert made.preview.size_bytes < 500_000


async def test_every_frame_of_the_preview_is_marked_and_recognizable(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    shown = clips.read((await videos.derive(master, into)).preview.path).frames
    original = clips.read(master).frames
    for frame, whole in zip(shown, original, strict=True):
        clean = scaled(whole, frame)
        changed = np.abs(frame.astype(int) - clean.astype(int)).max(axis=2) > 30
        assert 0.03 < changed.mean() < 0.4
        for corner in (changed[:216, :384], changed[216:, 384:]):  # no crop escapes it
            assert corner.mean() > 0.02
        assert 0.5 < similarity(frame, clean) < 0.93
        assert np.abs(frame.mean(axis=(0, 1)) - clean.mean(axis=(0, 1))).max() < 6  # same colours


async def test_the_mark_stands_still_so_that_it_does_not_flicker(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    still = clips.moving(640, 360, 1) * 12
    made = await videos.derive(clips.write(tmp_path / "master.mp4", still), into)
    frames = [frame.astype(int) for frame in clips.read(made.preview.path).frames]
    assert max(np.abs(one - frames[0]).mean() for one in frames) < 2


async def test_thumbnail_is_one_frame_without_a_mark(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    made = await videos.derive(master, into)
    assert (made.thumbnail.width, made.thumbnail.height) == (320, 180)
    with Image.open(made.thumbnail.path) as thumbnail:
        assert thumbnail.format == "JPEG"
        shown = np.asarray(thumbnail.convert("RGB"))
    assert max(similarity(shown, scaled(f, shown)) for f in clips.read(master).frames) > 0.9


async def test_thumbnail_of_a_clip_that_fades_in_is_not_black(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    black = [np.zeros((180, 320, 3), np.uint8)] * 12
    source = clips.write(tmp_path / "master.mp4", black + clips.moving(320, 180, 12) + black)
    made = await videos.derive(source, into)
    with Image.open(made.thumbnail.path) as thumbnail:
        assert np.asarray(thumbnail).mean() > 40


async def test_record_of_the_master_and_of_the_files_is_true(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    made = await videos.derive(master, into)

    assert (made.master_width, made.master_height) == (1000, 562)
    assert (made.master_seconds, made.master_fps, made.master_frames) == (2.0, 12.0, 24)
    assert made.master_sha256 == hashlib.sha256(master.read_bytes()).hexdigest()
    assert made.master_size_bytes == master.stat().st_size
    assert sorted(path.name for path in into.iterdir()) == ["preview.mp4", "thumbnail.jpg"]
    assert (made.preview.media_type, made.thumbnail.media_type) == ("video/mp4", "image/jpeg")
    for file in (made.preview, made.thumbnail):
        assert file.size_bytes == file.path.stat().st_size


async def test_the_same_master_gives_the_same_files(
    videos: PyAvVideoDecoder, master: Path, into: Path
) -> None:
    runs = []
    for _ in range(2):
        made = await videos.derive(master, into, digital_source_type="algorithmicallyEnhanced")
        runs.append([file.path.read_bytes() for file in (made.preview, made.thumbnail)])
    assert runs[0] == runs[1]


async def test_origin_label_can_be_read_back_and_nothing_of_the_master_can(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    made = await videos.derive(master, into, digital_source_type="algorithmicallyEnhanced")

    metadata = clips.read(made.preview.path).metadata
    assert metadata["comment"] == ADDRESS
    with Image.open(made.thumbnail.path) as thumbnail:
        packets = [metadata["xmp"], thumbnail.info["xmp"].decode()]
    for packet in packets:
        tree = ElementTree.fromstring(packet)  # noqa: S314
        assert ADDRESS in [value for element in tree.iter() for value in element.attrib.values()]
    for file in (made.preview, made.thumbnail):
        assert b"canary" not in file.path.read_bytes()


async def test_without_a_label_there_is_none(
    videos: PyAvVideoDecoder, clips: Any, master: Path, into: Path
) -> None:
    made = await videos.derive(master, into)
    assert not {"comment", "xmp", "encoder"} & set(clips.read(made.preview.path).metadata)


async def test_word_outside_the_vocabulary_is_no_fault_of_the_master(
    videos: PyAvVideoDecoder, master: Path, into: Path
) -> None:
    with pytest.raises(PlatformError) as failed:
        await videos.derive(master, into, digital_source_type='"/>')
    assert not isinstance(failed.value, ResultUnreadable)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "preview", "thumbnail"),
    [
        ((321, 241), (320, 240), (320, 240)),
        ((769, 433), (768, 432), (320, 180)),
        ((433, 769), (432, 768), (180, 320)),
        ((1999, 17), (768, 6), (320, 2)),
        ((17, 1999), (6, 768), (2, 320)),
        ((2000, 2), (768, 2), (320, 1)),
        ((16, 16), (16, 16), (16, 16)),
        ((1, 1), (2, 2), (2, 2)),
    ],
)
async def test_nothing_is_enlarged_every_side_is_even_and_nothing_vanishes(
    videos: PyAvVideoDecoder,
    clips: Any,
    tmp_path: Path,
    into: Path,
    size: tuple[int, int],
    preview: tuple[int, int],
    thumbnail: tuple[int, int],
) -> None:
    # 4:4:4, since 4:2:0 has no odd sides.
    frames = clips.moving(*size, 3)
    made = await videos.derive(
        clips.write(tmp_path / "master.mp4", frames, pixel_format="yuv444p"), into
    )
    assert (made.master_width, made.master_height) == size
    assert (made.preview.width, made.preview.height) == preview
    assert (made.thumbnail.width, made.thumbnail.height) == thumbnail
    seen = clips.read(made.preview.path)
    assert len(seen.frames) == 3
    assert seen.frames[0].shape[1::-1] == preview
    assert seen.pixel_format == "yuv420p"


@pytest.mark.parametrize("turned", [90, 180, -90])
async def test_a_clip_that_is_to_be_turned_is_shown_upright(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path, turned: int
) -> None:
    frames = clips.moving(320, 180, 3)
    source = clips.write(tmp_path / "master.mp4", frames, rotation=turned)
    assert clips.read(source).rotation % 360 == turned % 360
    made = await videos.derive(source, into)

    upright = np.rot90(frames[0], turned // 90)  # both counterclockwise
    assert (made.master_height, made.master_width) == upright.shape[:2]
    seen = clips.read(made.preview.path)
    assert seen.rotation == 0
    assert seen.frames[0].shape == upright.shape
    assert similarity(seen.frames[0], np.ascontiguousarray(upright)) > 0.5


async def test_pixels_that_are_not_square_are_shown_in_their_shape(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    frames = clips.moving(320, 180, 3)
    wide = clips.write(tmp_path / "wide.mp4", frames, aspect=Fraction(3, 2))
    tall = clips.write(tmp_path / "tall.mp4", frames, aspect=Fraction(1, 2))
    made = await videos.derive(wide, into)
    assert (made.preview.width, made.preview.height) == (480, 180)
    made = await videos.derive(tall, into)
    assert (made.preview.width, made.preview.height) == (320, 360)


@pytest.mark.parametrize("rate", [1, 24, Fraction(30_000, 1001), 60])
async def test_pace_and_length_stay(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path, rate: Fraction
) -> None:
    source = clips.write(tmp_path / "master.mp4", clips.moving(64, 48, 30), rate=rate)
    made = await videos.derive(source, into)
    seen = clips.read(made.preview.path)
    assert len(seen.frames) == made.master_frames == 30
    assert seen.rate == rate
    assert made.master_fps == pytest.approx(float(rate))
    assert made.master_seconds == pytest.approx(30 / rate)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "options"),
    [
        ("libx264", "yuv420p10le", {}),
        ("libx264", "yuvj420p", {}),
        ("libx264rgb", "rgb24", {}),
        ("libx265", "yuv420p", {"x265-params": "log-level=none"}),
        ("libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
        ("libsvtav1", "yuv420p", {"preset": "12"}),
    ],
)
async def test_other_codecs_and_pixel_formats_are_shown_too(
    videos: PyAvVideoDecoder,
    clips: Any,
    tmp_path: Path,
    into: Path,
    codec: str,
    pixel_format: str,
    options: dict[str, str],
) -> None:
    frames = clips.moving(160, 90, 6)
    source = clips.write(
        tmp_path / "master.mp4", frames, codec=codec, pixel_format=pixel_format, options=options
    )
    seen = clips.read((await videos.derive(source, into)).preview.path)
    assert (len(seen.frames), seen.codec, seen.pixel_format) == (6, "h264", "yuv420p")
    for frame, clean in zip(seen.frames, frames, strict=True):
        assert np.abs(frame.mean(axis=(0, 1)) - clean.mean(axis=(0, 1))).max() < 12


async def test_sound_is_left_out_of_the_preview(
    videos: PyAvVideoDecoder, clips: Any, tmp_path: Path, into: Path
) -> None:
    source = clips.write(tmp_path / "master.mp4", clips.moving(64, 48, 12), sound=True)
    assert sorted(clips.read(source).tracks) == ["audio", "video"]
    made = await videos.derive(source, into)
    assert clips.read(made.preview.path).tracks == ["video"]

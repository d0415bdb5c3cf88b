"""Runs packs on the small engine, and reads what they made."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
import pytest

from deploy.demo.aging import RGB
from tests.services.pack_runs import RunPack, pack_runner


class Clip(NamedTuple):
    """What a player sees of a video.

    Attributes:
        frames: height x width x 3 each.
        rate: frames per second.
    """

    frames: list[RGB]
    rate: float
    pixel_format: str
    codec: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self.frames[0].shape[:2]
        return height, width


def read_picture(path: Path) -> RGB:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)


def write_picture(path: Path, photo: RGB) -> Path:
    assert cv2.imwrite(str(path), photo[..., ::-1])
    return path


def read_clip(path: Path) -> Clip:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [
            np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in container.decode(video=0)
        ]
        assert stream.average_rate is not None
        format_, codec = stream.pix_fmt, stream.codec_context.name
        return Clip(frames, float(stream.average_rate), str(format_), codec)


@pytest.fixture
def pictures() -> tuple[Callable[[Path], RGB], Callable[[Path, RGB], Path]]:
    """How to read and write a picture."""
    return read_picture, write_picture


@pytest.fixture
def clip_of() -> Callable[[Path], Clip]:
    """How to read a video."""
    return read_clip


def write_clip(path: Path, frames: list[RGB], rate: int) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("h264", rate=Fraction(rate))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "12"}
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def clip_file(tmp_path: Path) -> Callable[..., Path]:
    """A file that shows these frames."""
    return lambda frames, rate: write_clip(tmp_path / "master.mp4", frames, rate)


@pytest.fixture
def run_pack(engine: Any, tmp_path: Path) -> RunPack:
    """Runs a pack on a file, on the engine without models."""
    return pack_runner(engine.url, tmp_path)


@pytest.fixture
def run_on_cards(card_engine: Any, tmp_path: Path) -> RunPack:
    """Runs a pack on a file, on the engine that draws test cards where a model would paint."""
    return pack_runner(card_engine.url, tmp_path)

"""Clips made on the spot, and the real decoder with its real children."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from numpy.typing import NDArray

from deploy.demo.aging import sample_photo
from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.ports.videos import VideoLimits
from simulators.comfyui.nodes.priority import ordinary_priority
from tests.services.pack_runs import RunPack, pack_runner

RGB = NDArray[np.uint8]

_SWIFT = {"crf": "12", "preset": "veryfast"}

PATIENT = VideoLimits(timeout_seconds=200, queue_seconds=200)
"""With more time than in production: a busy machine is not a hostile video."""


@dataclass(frozen=True)
class Seen:
    """What a player finds in a video.

    Attributes:
        frames: as stored, height x width x 3 each.
        tracks: kind of each, such as `video`.
        metadata: of the container, with the XMP packet under `xmp`.
    """

    frames: list[RGB]
    rate: Fraction
    codec: str
    profile: str
    level: int
    pixel_format: str
    colours: tuple[int, int]
    rotation: int
    tracks: list[str]
    metadata: dict[str, str]


class Clips:
    """Makes videos, and reads them."""

    @staticmethod
    def moving(width: int, height: int, count: int) -> list[RGB]:
        """Frames of a camera that drifts over a photo."""
        photo = np.asarray(sample_photo("coffee"))
        tall, wide = photo.shape[:2]
        rows, columns = np.arange(height) * (tall * 4 // 5), np.arange(width) * (wide * 4 // 5)
        return [
            np.ascontiguousarray(photo[rows // height + shift][:, columns // width + shift])
            for shift in (np.linspace(0, min(tall, wide) // 5 - 1, count)).astype(int)
        ]

    @staticmethod
    def write(
        path: Path,
        frames: list[RGB],
        *,
        rate: int | Fraction = 12,
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        options: dict[str, str] | None = None,
        metadata: dict[str, str] | None = None,
        rotation: int = 0,
        aspect: Fraction | None = None,
        sound: bool = False,
        container: str = "mp4",
    ) -> Path:
        """A file that shows these frames, as ComfyUI would write it."""
        movflags = {"movflags": "use_metadata_tags"} if container in {"mp4", "mov"} else {}
        with av.open(str(path), "w", format=container, options=movflags) as output:
            output.metadata.update(metadata or {})
            stream = cast("VideoStream", output.add_stream(codec, rate=Fraction(rate)))
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt, stream.options = pixel_format, dict(options or _SWIFT)
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            if rotation:
                stream.set_display_rotation(rotation)
            with ordinary_priority():
                stream.codec_context.open()
            tone = output.add_stream("aac", rate=48_000) if sound else None
            for frame in frames:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            output.mux(stream.encode(None))
            for packet in _tone(tone) if tone else ():
                output.mux(packet)
        return path

    @staticmethod
    def write_sound(path: Path) -> Path:
        """A file with nothing to see."""
        with av.open(str(path), "w", format="mp4") as output:
            for packet in _tone(output.add_stream("aac", rate=48_000)):
                output.mux(packet)
        return path

    @staticmethod
    def read(path: Path) -> Seen:
        """Everything about it, with every frame."""
        with av.open(str(path), "r", options={"export_xmp": "1"}) as container:
            stream = container.streams.video[0]
            decoded = list(container.decode(stream))
            context = stream.codec_context
            assert stream.average_rate is not None
            return Seen(
                [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in decoded],
                Fraction(stream.average_rate),
                context.name,
                str(context.profile),
                context.level,
                str(context.pix_fmt),
                (context.colorspace, context.color_range),
                decoded[0].rotation,
                [track.type for track in container.streams],
                container.metadata,
            )

    @staticmethod
    def packets(path: Path) -> dict[str, list[tuple[bytes, int | None, Fraction | None]]]:
        """Bytes, time stamp and its unit of every packet, by the kind of its track."""
        with av.open(str(path)) as container:
            found: dict[str, list[tuple[bytes, int | None, Fraction | None]]] = {}
            for packet in container.demux():
                if packet.size:
                    one = (bytes(packet), packet.pts, packet.time_base)
                    found.setdefault(packet.stream.type, []).append(one)
            return found

    @staticmethod
    def boxes(path: Path) -> list[str]:
        """The names of the outermost boxes, in order."""
        content, at, names = path.read_bytes(), 0, []
        while at < len(content):
            length, name = struct.unpack_from(">I4s", content, at)
            names.append(name.decode())
            at += length
        assert at == len(content)
        return names


def _tone(stream: Any) -> Iterator[Any]:
    for index in range(40):
        samples = np.sin((np.arange(1024) + 1024 * index) / 20).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), "fltp", "stereo")
        frame.sample_rate, frame.pts = 48_000, 1024 * index
        yield from stream.encode(frame)
    yield from stream.encode(None)


@pytest.fixture(scope="session")
def clips() -> type[Clips]:
    return Clips


@pytest.fixture
def into(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    path.mkdir()
    return path


@pytest.fixture
def videos() -> PyAvVideoDecoder:
    return PyAvVideoDecoder(PATIENT)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    """A clip of two seconds, larger than a preview, with the graph in it as ComfyUI writes it."""
    metadata = {"prompt": '{"6": "canary"}', "workflow": "canary"}
    frames = Clips.moving(1000, 562, 24)
    return Clips.write(tmp_path / "master.mp4", frames, metadata=metadata)


@pytest.fixture
def run_pack(engine: Any, tmp_path: Path) -> RunPack:
    """Runs a pack on a file, on the engine without models."""
    return pack_runner(engine.url, tmp_path)

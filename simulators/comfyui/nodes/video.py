"""Nodes that join pictures into videos, take them apart and write them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from simulators.comfyui.folders import Folders
from simulators.comfyui.nodes.arrays import Array, Bytes, from_bytes, to_bytes
from simulators.comfyui.nodes.context import NodeContext, Result
from simulators.comfyui.nodes.declare import NodeSet, Schema, Surroundings
from simulators.comfyui.nodes.inputs import choice, image, real, socket, text
from simulators.comfyui.nodes.priority import ordinary_priority
from simulators.comfyui.nodes.save import metadata_of, saved

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

nodes = NodeSet(category="image/video", module="comfy_extras.nodes_video", schema=Schema.V3)
_SAVING: dict[str, Any] = {
    "uses_context": True,
    "output_node": True,
    "hidden": ("prompt", "extra_pnginfo"),
}


class Video(Protocol):
    """What travels over a VIDEO link."""

    def frames(self) -> Array:
        """All pictures, shape (frames, height, width, 3)."""

    def rate(self) -> Fraction:
        """Frames per second."""

    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def save(self, path: str, metadata: Mapping[str, Any]) -> None:
        """Write an MP4."""


@dataclass(frozen=True)
class PictureVideo:
    """A video made of pictures in memory."""

    images: Array
    frame_rate: Fraction

    def frames(self) -> Array:
        """All pictures."""
        return self.images

    def rate(self) -> Fraction:
        """Frames per second."""
        return self.frame_rate

    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.images.shape[2], self.images.shape[1]

    def save(self, path: str, metadata: Mapping[str, Any]) -> None:
        """Encode as H.264 in MP4, with the index behind the data.

        Raises:
            av.error.FFmpegError: Width or height is odd, which 4:2:0 H.264 cannot hold.
        """
        import av

        with av.open(path, "w", options={"movflags": "use_metadata_tags"}) as output:
            for key, value in metadata.items():
                output.metadata[key] = json.dumps(value)
            rate = Fraction(round(self.frame_rate * 1000), 1000)
            stream = output.add_stream("h264", rate=rate)
            stream.width, stream.height = self.size()
            stream.pix_fmt = "yuv420p"
            _encode(output, stream, (to_bytes(picture) for picture in self.images))


@dataclass(frozen=True)
class FileVideo:
    """A video that lies on disk."""

    path: str

    def frames(self) -> Array:
        """Decode all pictures."""
        import av

        with av.open(self.path) as container:
            decoded = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
        return from_bytes(np.stack(decoded)) if decoded else np.zeros((0, 0, 0, 3), np.float32)

    def rate(self) -> Fraction:
        """Average frames per second; 1 when the file does not say."""
        import av

        with av.open(self.path) as container:
            return Fraction(container.streams.video[0].average_rate or 1)

    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        import av

        with av.open(self.path) as container:
            stream = container.streams.video[0]
            return stream.width, stream.height

    def save(self, path: str, metadata: Mapping[str, Any]) -> None:
        """Copy the streams into an MP4 without encoding again."""
        import av

        with (
            av.open(self.path) as source,
            av.open(path, "w", options={"movflags": "use_metadata_tags"}) as output,
        ):
            output.metadata.update(source.metadata)
            output.metadata.update({key: json.dumps(value) for key, value in metadata.items()})
            copies = {
                stream.index: output.add_stream_from_template(stream)
                for stream in (*source.streams.video, *source.streams.audio)
            }
            for packet in source.demux():
                if packet.dts is not None and packet.stream.index in copies:
                    packet.stream = copies[packet.stream.index]
                    output.mux(packet)


def _encode(output: OutputContainer, stream: av.VideoStream, pictures: Iterable[Bytes]) -> None:
    import av

    for pixels in pictures:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[..., :3]), format="rgb24")
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


@nodes.add(
    "CreateVideo",
    image("images"),
    real("fps", 30.0, 1.0, 120.0, step=1.0),
    socket("audio", "AUDIO", required=False),
    outputs=["VIDEO"],
    display="Create Video",
)
def create_video(images: Array, fps: float, audio: object = None) -> PictureVideo:
    """Join pictures into a video. No node of this engine makes audio, so there is none."""
    del audio
    return PictureVideo(images, Fraction(fps))


@nodes.add(
    "GetVideoComponents",
    socket("video", "VIDEO"),
    outputs=["IMAGE", "AUDIO", "FLOAT"],
    output_names=("images", "audio", "fps"),
    display="Get Video Components",
)
def get_video_components(video: Video) -> tuple[Array, None, float]:
    """Take a video apart."""
    return video.frames(), None, float(video.rate())


@nodes.add(
    "SaveVideo",
    socket("video", "VIDEO"),
    text("filename_prefix", "video/ComfyUI", multiline=False),
    choice("format", ("auto", "mp4"), default="auto"),
    choice("codec", ("auto", "h264"), default="auto"),
    display="Save Video",
    **_SAVING,
)
def save_video(
    context: NodeContext, video: Video, filename_prefix: str, format: str, codec: str
) -> Result:
    """Write a video as MP4.

    Raises:
        ValueError: Another container or codec was asked for.
    """
    if format not in ("auto", "mp4"):
        raise ValueError(f"{format!r} is not a valid VideoContainer")
    if codec not in ("auto", "h264"):
        raise ValueError("Only H264 codec is supported for now")
    width, height = video.size()
    folders = context.folders
    target = folders.save_target(filename_prefix, folders.output, width, height)
    name = f"{target.stem}_{target.counter:05}_.mp4"
    metadata = metadata_of(context) if context.write_metadata else {}
    video.save(os.path.join(target.folder, name), metadata)
    return Result(ui={"images": saved(target, [name]), "animated": [True]})


@nodes.add(
    "SaveWEBM",
    image("images"),
    text("filename_prefix", "ComfyUI", multiline=False),
    choice("codec", ("vp9", "av1")),
    real("fps", 24.0, 0.01, 1000.0, step=0.01),
    real("crf", 32.0, 0, 63.0, step=1),
    experimental=True,
    **_SAVING,
)
def save_webm(
    context: NodeContext, images: Array, codec: str, fps: float, filename_prefix: str, crf: float
) -> Result:
    """Write pictures as WebM.

    ``--disable-metadata`` does not reach this node in ComfyUI 0.3.64: the graph is always
    written into the file.
    """
    import av

    height, width = images.shape[1:3]
    folders = context.folders
    target = folders.save_target(filename_prefix, folders.output, width, height)
    name = f"{target.stem}_{target.counter:05}_.webm"
    with av.open(os.path.join(target.folder, name), "w") as output:
        for key, value in metadata_of(context).items():
            output.metadata[key] = json.dumps(value)
        encoder = {"vp9": "libvpx-vp9", "av1": "libsvtav1"}[codec]
        rate = Fraction(round(fps * 1000), 1000)
        stream = cast("av.VideoStream", output.add_stream(encoder, rate=rate))
        stream.width, stream.height, stream.bit_rate = width, height, 0
        stream.pix_fmt = "yuv420p10le" if codec == "av1" else "yuv420p"
        stream.options = {"crf": str(crf)}
        if codec == "av1":
            stream.options["preset"] = "6"
        with ordinary_priority():
            stream.codec_context.open()
        _encode(output, stream, (to_bytes(picture) for picture in images))
    return Result(ui={"images": saved(target, [name]), "animated": [True]})


def _listed(around: Surroundings) -> list[str]:
    return around.folders.input_files("video")


def _file_exists(folders: Folders, file: str) -> bool | str:
    return os.path.exists(folders.source_path(file)) or f"Invalid video file: {file}"


def _change_time(folders: Folders, file: str) -> float:
    return os.path.getmtime(folders.source_path(file))


@nodes.add(
    "LoadVideo",
    choice("file", _listed, video_upload=True),
    outputs=["VIDEO"],
    display="Load Video",
    uses_context=True,
    validated=frozenset(("file",)),
    validate=_file_exists,
    fingerprint=_change_time,
)
def load_video(context: NodeContext, file: str) -> FileVideo:
    """Read a video from the input folder."""
    return FileVideo(context.folders.source_path(file))

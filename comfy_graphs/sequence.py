"""From one still to the frames of a clip: a graph in which some nodes are copied for each frame.

ComfyUI's core nodes change a whole batch alike, so a camera that moves over a photo needs nodes of
its own for every frame. A pack's graph holds one copy of them; `unroll` writes the others. Pure.

How the motion is smooth: windows are cut out of a square canvas in whole pixels, and each edge of
the window moves by the same whole number of pixels from every frame to the next. The canvas is as
large as that needs, several times the frame, so a step is a fraction of a pixel of the result and
never rounded. The canvas is square whatever the photo's shape: it is stretched, and so are the
windows, and the frames get the photo's shape back. So nobody has to know the photo's size before
the server has seen it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Nodes = dict[str, dict[str, Any]]
Insets = tuple[int, int, int, int]
_LEAST_CANVAS = 2400
_LARGEST_SIDE = 16384  # of ImageScale and ImageCrop


class Path(BaseModel):
    """Where a camera begins and where it ends.

    Attributes:
        begins, ends: how far the window's left, top, right and bottom edge are from the photo's,
            in parts of a side (`FrameSequence.parts`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: Insets
    ends: Insets

    @property
    def windows(self) -> tuple[Insets, Insets]:
        """Both ends of the path."""
        return self.begins, self.ends


class FrameSequence(BaseModel):
    """Which nodes are copied for each frame, and along which path.

    Attributes:
        canvas: an `ImageScale` of the still; its width and height are set.
        crop: an `ImageCrop` of the canvas; copied for each frame.
        frame: takes the crop as `image`; copied for each frame.
        join: an `ImageBatch` of frames; copied as often as joining them takes.
        motion: the choice that selects a path.
        seconds, fps: the numbers whose product is the number of frames.
        parts: into how many parts a side is divided for the paths.
        paths: by motion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    canvas: str
    crop: str
    frame: str
    join: str
    motion: str
    seconds: str
    fps: str
    parts: int = Field(ge=2)
    paths: dict[str, Path]

    @property
    def parameters(self) -> tuple[str, str, str]:
        """Names of the parameters that decide about the frames."""
        return self.motion, self.seconds, self.fps

    @property
    def prototypes(self) -> tuple[str, str, str]:
        """The nodes that are copied."""
        return self.crop, self.frame, self.join

    @model_validator(mode="after")
    def _inside(self) -> Self:
        for name, path in self.paths.items():
            for left, top, right, bottom in path.windows:
                if min(left, top, right, bottom) < 0:
                    raise ValueError(f"{name} leaves the photo")
                if left + right != top + bottom or left + right >= self.parts:
                    raise ValueError(f"{name} has a window of no size, or not of the photo's shape")
        return self


class Window(NamedTuple):
    """A rectangle of the canvas, in its pixels; the fields are named as the inputs of a crop."""

    x: int
    y: int
    width: int
    height: int


def canvas_side(parts: int, frames: int) -> int:
    """Width and height of a canvas on which every edge moves by whole pixels, in pixels.

    Args:
        parts: into how many parts the side is divided.
        frames: of the clip, at least 2.

    Raises:
        ValueError: so many frames need a larger canvas than the nodes take.
    """
    least = parts * (frames - 1)
    side = least * max(1, round(_LEAST_CANVAS / least))
    if side > _LARGEST_SIDE:
        raise ValueError(f"{frames} frames need a canvas of {side} pixels")
    return side


def windows(path: Path, parts: int, frames: int) -> list[Window]:
    """What the camera sees, frame by frame: every edge moves evenly, and by whole pixels.

    Args:
        path: of the camera.
        parts: in whose units the path is.
        frames: how many, at least 2.
    """
    side = canvas_side(parts, frames)
    step = side // (parts * (frames - 1))
    return [_window(_insets(path, step, frames, at), side) for at in range(frames)]


def unroll(graph: Nodes, sequence: FrameSequence, values: Mapping[str, Any]) -> Nodes:
    """The graph with nodes of its own for every frame; ids begin with those of the copied nodes.

    Args:
        graph: with one copy of each; it is not changed.
        sequence: which nodes are copied.
        values: of all parameters, complete and checked.
    """
    frames = frame_count(sequence, values)
    crop, frame, join = (graph[node] for node in sequence.prototypes)
    unrolled = {n: body for n, body in graph.items() if n not in sequence.prototypes}
    side = canvas_side(sequence.parts, frames)
    unrolled[sequence.canvas] = _with(graph[sequence.canvas], width=side, height=side)
    seen = windows(sequence.paths[values[sequence.motion]], sequence.parts, frames)
    ids = []
    for number, window in enumerate(seen):
        cut, shown = f"{sequence.crop}_{number}", f"{sequence.frame}_{number}"
        unrolled[cut] = _with(crop, **window._asdict())
        unrolled[shown] = _with(frame, image=[cut, 0])
        ids.append(shown)
    clip = _joined(unrolled, sequence.join, join, ids)
    return {node: _relinked(body, sequence.join, clip) for node, body in unrolled.items()}


def frame_count(sequence: FrameSequence, values: Mapping[str, Any]) -> int:
    """How many frames a clip with these parameters has."""
    return int(values[sequence.seconds]) * int(values[sequence.fps])


def _insets(path: Path, step: int, frames: int, at: int) -> Sequence[int]:
    last = frames - 1
    ends = zip(path.begins, path.ends, strict=True)
    return [step * (begin * (last - at) + end * at) for begin, end in ends]


def _window(insets: Sequence[int], side: int) -> Window:
    left, top, right, bottom = insets
    return Window(left, top, side - left - right, side - top - bottom)


def _joined(graph: Nodes, name: str, join: dict[str, Any], ids: Sequence[str]) -> str:
    """Join pictures two by two: a chain would copy every frame once for each that follows.

    Returns:
        The node that gives them all.
    """
    made = 0
    while len(ids) > 1:
        joined = []
        for first, second in zip(ids[::2], ids[1::2], strict=False):
            node = f"{name}_{made}"
            graph[node] = _with(join, image1=[first, 0], image2=[second, 0])
            joined.append(node)
            made += 1
        ids = joined + list(ids[len(joined) * 2 :])
    return ids[0]


def _with(body: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    return {**body, "inputs": {**body["inputs"], **inputs}}


def _relinked(body: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    links = {name: [new, 0] for name, value in body["inputs"].items() if value == [old, 0]}
    return _with(body, **links)

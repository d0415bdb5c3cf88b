"""Nodes that read pictures from the input, output or temp folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from simulators.comfyui.folders import Folders
from simulators.comfyui.nodes.arrays import Array, from_bytes
from simulators.comfyui.nodes.context import NodeContext
from simulators.comfyui.nodes.declare import Input, NodeSet, Surroundings
from simulators.comfyui.nodes.inputs import choice

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")


def _listed(around: Surroundings) -> list[str]:
    return around.folders.input_files("image")


def _listed_any(around: Surroundings) -> list[str]:
    return around.folders.input_files()


def _file_exists(folders: Folders, image: str) -> bool | str:
    return os.path.exists(folders.source_path(image)) or f"Invalid image file: {image}"


def _content_hash(folders: Folders, image: str, **_: Any) -> str:
    with open(folders.source_path(image), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


nodes = NodeSet(
    category="image",
    uses_context=True,
    validated=frozenset(("image",)),
    validate=_file_exists,
    fingerprint=_content_hash,
)

_REMOTE = {
    "route": "/internal/files/output",
    "refresh_button": True,
    "control_after_refresh": "first",
}


@nodes.add(
    "LoadImage",
    choice("image", _listed, image_upload=True),
    outputs=["IMAGE", "MASK"],
    display="Load Image",
)
@nodes.add(
    "LoadImageOutput",
    Input("image", "COMBO", {"image_upload": True, "image_folder": "output", "remote": _REMOTE}),
    outputs=["IMAGE", "MASK"],
    display="Load Image (from Outputs)",
    experimental=True,
)
def load_image(context: NodeContext, image: str) -> tuple[Array, Array]:
    """Read a picture, upright, with its transparency as a mask; an animation gives a batch."""
    from PIL import Image, ImageOps, ImageSequence

    images: list[Array] = []
    masks: list[Array] = []
    with _tolerant(Image.open, context.folders.source_path(image)) as picture:
        for raw in ImageSequence.Iterator(picture):
            frame = _eight_bit(_tolerant(ImageOps.exif_transpose, raw))
            pixels = from_bytes(np.array(frame.convert("RGB")))
            if images and pixels.shape != images[0].shape:
                continue
            images.append(pixels)
            masks.append(_transparency(frame))
    if picture.format == "MPO":  # the further pictures are a depth map or a second eye
        images, masks = images[:1], masks[:1]
    return np.stack(images), np.stack(masks)


@nodes.add(
    "LoadImageMask",
    choice("image", _listed_any, image_upload=True),
    choice("channel", ("alpha", "red", "green", "blue")),
    outputs=["MASK"],
    display="Load Image (as Mask)",
    category="mask",
)
def load_image_mask(context: NodeContext, image: str, channel: str) -> Array:
    """Read one channel of a picture; for alpha, transparent is 1."""
    from PIL import Image, ImageOps

    with _tolerant(Image.open, context.folders.source_path(image)) as raw:
        frame = _eight_bit(_tolerant(ImageOps.exif_transpose, raw)).convert("RGBA")
    values = from_bytes(np.array(frame.getchannel(channel[0].upper())))
    return (np.float32(1.0) - values if channel == "alpha" else values)[None]


def _tolerant(read: Callable[[Any], T], source: Any) -> T:
    """Read strictly, then once more with missing data filled in, as ComfyUI does."""
    with suppress(OSError, ValueError):
        return read(source)
    with _missing_data(fill_in=True):
        return read(source)


@contextmanager
def _missing_data(fill_in: bool) -> Iterator[None]:
    from PIL import ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = fill_in
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _eight_bit(frame: Image.Image) -> Image.Image:
    return frame.point(lambda level: level * (1 / 255)) if frame.mode == "I" else frame


def _transparency(frame: Image.Image) -> Array:
    if frame.mode == "P" and "transparency" in frame.info:
        frame = frame.convert("RGBA")
    if "A" not in frame.getbands():
        return np.zeros((64, 64), np.float32)
    return np.float32(1.0) - from_bytes(np.array(frame.getchannel("A")))

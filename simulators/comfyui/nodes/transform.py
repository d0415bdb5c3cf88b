"""Nodes that move pixels about: crop, flip, rotate, pad, stitch, batches, plain pictures."""

from __future__ import annotations

import numpy as np

from simulators.comfyui.nodes.arrays import Array
from simulators.comfyui.nodes.context import NodeContext
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, flag, image, integer, size
from simulators.comfyui.nodes.resample import resample

nodes = NodeSet(category="image/transform", module="comfy_extras.nodes_images")

_COLORS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}


@nodes.add(
    "ImageCrop",
    image(),
    size("width"),
    size("height"),
    size("x", 0, 0),
    size("y", 0, 0),
    outputs=["IMAGE"],
    display="Image Crop",
)
def image_crop(image: Array, width: int, height: int, x: int, y: int) -> Array:
    """Cut a rectangle out; a corner beyond the picture moves to its last pixel."""
    x, y = min(x, image.shape[2] - 1), min(y, image.shape[1] - 1)
    return image[:, y : y + height, x : x + width]


@nodes.add(
    "ImageFlip",
    image(),
    choice("flip_method", ("x-axis: vertically", "y-axis: horizontally")),
    outputs=["IMAGE"],
)
def image_flip(image: Array, flip_method: str) -> Array:
    """Mirror upside down or left to right."""
    return image[:, ::-1] if flip_method.startswith("x") else image[:, :, ::-1]


@nodes.add(
    "ImageRotate",
    image(),
    choice("rotation", ("none", "90 degrees", "180 degrees", "270 degrees")),
    outputs=["IMAGE"],
)
def image_rotate(image: Array, rotation: str) -> Array:
    """Turn clockwise by quarters."""
    quarters = {"90": 1, "180": 2, "270": 3}.get(rotation.split(" ")[0], 0)
    return np.rot90(image, quarters, axes=(2, 1))


@nodes.add(
    "ImagePadForOutpaint",
    image(),
    size("left", 0, 0, step=8),
    size("top", 0, 0, step=8),
    size("right", 0, 0, step=8),
    size("bottom", 0, 0, step=8),
    size("feathering", 40, 0),
    outputs=["IMAGE", "MASK"],
    display="Pad Image for Outpainting",
    category="image",
    module="nodes",
)
def image_pad_for_outpaint(
    image: Array, left: int, top: int, right: int, bottom: int, feathering: int
) -> tuple[Array, Array]:
    """Add a gray border; the mask is 1 on it and falls off into the picture."""
    batch, height, width, channels = image.shape
    full = (height + top + bottom, width + left + right)
    padded = np.full((batch, *full, channels), 0.5, np.float32)
    inside = (slice(top, top + height), slice(left, left + width))
    padded[:, inside[0], inside[1]] = image
    mask = np.ones(full, np.float32)
    mask[inside] = 0.0
    if 0 < feathering * 2 < min(height, width):
        rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
        distance = np.minimum(rows if top else height, height - rows if bottom else height)
        distance = np.minimum(distance, columns if left else width)
        distance = np.minimum(distance, width - columns if right else width)
        mask[inside] = np.clip((feathering - distance) / feathering, 0.0, 1.0) ** 2
    return padded, mask[None]


@nodes.add(
    "ImageStitch",
    image("image1"),
    choice("direction", ("right", "down", "left", "up"), default="right"),
    flag("match_image_size", True),
    integer("spacing_width", 0, 0, 1024, step=2),
    choice("spacing_color", tuple(_COLORS), default="white"),
    image("image2", required=False),
    outputs=["IMAGE"],
    display="Image Stitch",
)
def image_stitch(
    image1: Array,
    direction: str,
    match_image_size: bool,
    spacing_width: int,
    spacing_color: str,
    image2: Array | None = None,
) -> Array:
    """Put two pictures side by side, with a coloured gap between them."""
    if image2 is None:
        return image1
    batch, channels = (max(image1.shape[i], image2.shape[i]) for i in (0, -1))
    along = 2 if direction in ("left", "right") else 1
    across = 3 - along
    if match_image_size:
        image2 = _match_side(image1, image2, along)
    gray = _COLORS[spacing_color][0] if spacing_color in ("white", "black") else 0.0
    side = max(image1.shape[across], image2.shape[across])
    first, second = (
        _with_channels(_centred(_extended(i, batch), across, side, gray), channels)
        for i in (image1, image2)
    )
    parts = [second, first] if direction in ("left", "up") else [first, second]
    if spacing_width > 0:
        shape = list(first.shape)
        shape[along] = spacing_width + spacing_width % 2
        gap = np.ones(shape, np.float32)
        gap[..., :3] = _COLORS[spacing_color][: min(3, channels)]
        parts.insert(1, gap)
    return np.concatenate(parts, axis=along)


def _match_side(image1: Array, image2: Array, along: int) -> Array:
    height, width = image1.shape[1:3]
    aspect = image2.shape[2] / image2.shape[1]
    if along == 2:
        return resample(image2, int(height * aspect), height, "lanczos")
    return resample(image2, width, int(width / aspect), "lanczos")


def _extended(images: Array, batch: int) -> Array:
    return np.concatenate([images, *[images[-1:]] * (batch - len(images))])


def _centred(images: Array, axis: int, side: int, fill: float) -> Array:
    missing = side - images.shape[axis]
    margins = [(0, 0)] * 4
    margins[axis] = (missing // 2, missing - missing // 2)
    return np.pad(images, margins, constant_values=fill)


def _with_channels(images: Array, channels: int) -> Array:
    missing = channels - images.shape[-1]
    return np.pad(images, [(0, 0)] * 3 + [(0, missing)], constant_values=1.0)


@nodes.add(
    "EmptyImage",
    size("width"),
    size("height"),
    integer("batch_size", 1, 1, 4096),
    integer("color", 0, 0, 0xFFFFFF, step=1, display="color"),
    outputs=["IMAGE"],
    category="image",
    module="nodes",
)
def empty_image(width: int, height: int, batch_size: int = 1, color: int = 0) -> Array:
    """A picture of one colour, given as 0xRRGGBB."""
    rgb = [((color >> shift) & 0xFF) / 0xFF for shift in (16, 8, 0)]
    return np.broadcast_to(np.array(rgb, np.float32), (batch_size, height, width, 3))


@nodes.add(
    "ImageBatch",
    image("image1"),
    image("image2"),
    outputs=["IMAGE"],
    display="Batch Images",
    category="image",
    module="nodes",
)
def image_batch(image1: Array, image2: Array) -> Array:
    """Join two batches; the second is fitted to the size of the first."""
    if image1.shape[1:] != image2.shape[1:]:
        image2 = resample(image2, image1.shape[2], image1.shape[1], "bilinear", "center")
    return np.concatenate([image1, image2])


@nodes.add(
    "ImageFromBatch",
    image(),
    integer("batch_index", 0, 0, 4095),
    integer("length", 1, 1, 4096),
    outputs=["IMAGE"],
    category="image/batch",
)
def image_from_batch(image: Array, batch_index: int, length: int) -> Array:
    """Take consecutive pictures out of a batch."""
    first = min(len(image) - 1, batch_index)
    return image[first : first + length]


@nodes.add(
    "RepeatImageBatch",
    image(),
    integer("amount", 1, 1, 4096),
    outputs=["IMAGE"],
    category="image/batch",
)
def repeat_image_batch(image: Array, amount: int) -> Array:
    """Repeat a batch; a single picture is repeated as a view, without copies."""
    if len(image) == 1:
        return np.broadcast_to(image, (amount, *image.shape[1:]))
    return np.concatenate([image] * amount)


@nodes.add(
    "RebatchImages",
    image("images"),
    integer("batch_size", 1, 1, 4096),
    outputs=["IMAGE"],
    display="Rebatch Images",
    category="image/batch",
    module="comfy_extras.nodes_rebatch",
    schema=Schema.V3,
    input_is_list=True,
    output_is_list=(True,),
)
def rebatch_images(images: list[Array], batch_size: list[int]) -> list[Array]:
    """Cut a list of batches anew into batches of the given size."""
    singles = [one for batch in images for one in np.split(batch, len(batch))]
    step = batch_size[0]
    return [np.concatenate(singles[i : i + step]) for i in range(0, len(singles), step)]


@nodes.add(
    "GetImageSize",
    image(),
    outputs=["INT", "INT", "INT"],
    output_names=("width", "height", "batch_size"),
    display="Get Image Size",
    category="image",
    hidden=("unique_id",),
    uses_context=True,
)
def get_image_size(context: NodeContext, image: Array) -> tuple[int, int, int]:
    """Width, height and number of pictures; also shown as text on the node."""
    batch, height, width = image.shape[:3]
    context.send_text(f"width: {width}, height: {height}\n batch size: {batch}")
    return width, height, batch

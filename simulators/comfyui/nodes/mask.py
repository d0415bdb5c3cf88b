"""Nodes that make, change and apply masks, and the alpha channel."""

from __future__ import annotations

import numpy as np

from simulators.comfyui.nodes.arrays import Array, as_masks, same_channels, to_batch_size
from simulators.comfyui.nodes.declare import MAX_RESOLUTION, NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, flag, image, integer, mask, real, size
from simulators.comfyui.nodes.resample import resample, resample_masks

nodes = NodeSet(category="mask", module="comfy_extras.nodes_mask")

_CHANNELS = ("red", "green", "blue", "alpha")
_COMPOSITING = {
    "category": "mask/compositing",
    "module": "comfy_extras.nodes_compositing",
    "schema": Schema.V3,
}


@nodes.add("MaskToImage", mask(), outputs=["IMAGE"], display="Convert Mask to Image")
def mask_to_image(mask: Array) -> Array:
    """Show a mask as a gray picture."""
    masks = as_masks(mask)
    return np.broadcast_to(masks[..., None], (*masks.shape, 3))


@nodes.add(
    "ImageToMask",
    image(),
    choice("channel", _CHANNELS),
    outputs=["MASK"],
    display="Convert Image to Mask",
)
def image_to_mask(image: Array, channel: str) -> Array:
    """Take one channel."""
    return image[..., _CHANNELS.index(channel)]


@nodes.add(
    "ImageColorToMask",
    image(),
    integer("color", 0, 0, 0xFFFFFF, step=1, display="color"),
    outputs=["MASK"],
)
def image_color_to_mask(image: Array, color: int) -> Array:
    """1 where the pixel has exactly the colour 0xRRGGBB."""
    levels = np.round(np.clip(image, 0, 1.0) * np.float32(255.0)).astype(np.int32)
    packed = (levels[..., 0] << 16) + (levels[..., 1] << 8) + levels[..., 2]
    return np.asarray(packed == color, np.float32)


@nodes.add(
    "SolidMask",
    real("value", 1.0, 0.0, 1.0, step=0.01),
    size("width"),
    size("height"),
    outputs=["MASK"],
)
def solid_mask(value: float, width: int, height: int) -> Array:
    """A mask of one value."""
    return np.full((1, height, width), value, np.float32)


@nodes.add("InvertMask", mask(), outputs=["MASK"])
def invert_mask(mask: Array) -> Array:
    """Exchange 0 and 1."""
    return np.float32(1.0) - mask


@nodes.add(
    "CropMask",
    mask(),
    size("x", 0, 0),
    size("y", 0, 0),
    size("width"),
    size("height"),
    outputs=["MASK"],
)
def crop_mask(mask: Array, x: int, y: int, width: int, height: int) -> Array:
    """Cut a rectangle out."""
    return as_masks(mask)[:, y : y + height, x : x + width]


@nodes.add(
    "MaskComposite",
    mask("destination"),
    mask("source"),
    size("x", 0, 0),
    size("y", 0, 0),
    choice("operation", ("multiply", "add", "subtract", "and", "or", "xor")),
    outputs=["MASK"],
)
def mask_composite(destination: Array, source: Array, x: int, y: int, operation: str) -> Array:
    """Combine a mask into another at an offset."""
    output, source = as_masks(destination).copy(), as_masks(source)
    right = min(x + source.shape[-1], output.shape[-1])
    bottom = min(y + source.shape[-2], output.shape[-2])
    if right > x and bottom > y:
        below, above = output[:, y:bottom, x:right], source[:, : bottom - y, : right - x]
        output[:, y:bottom, x:right] = _combine(below, above, operation)
    return np.clip(output, 0.0, 1.0)


def _combine(below: Array, above: Array, operation: str) -> Array:
    if operation == "multiply":
        return below * above
    if operation == "add":
        return below + above
    if operation == "subtract":
        return below - above
    first, second = np.round(below).astype(bool), np.round(above).astype(bool)
    logic = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}[operation]
    return np.asarray(logic(first, second), np.float32)


@nodes.add(
    "FeatherMask",
    mask(),
    size("left", 0, 0),
    size("top", 0, 0),
    size("right", 0, 0),
    size("bottom", 0, 0),
    outputs=["MASK"],
)
def feather_mask(mask: Array, left: int, top: int, right: int, bottom: int) -> Array:
    """Fade the edges out.

    On the right and at the bottom ComfyUI starts one pixel early, at index -0: the weakest
    factor falls on the opposite edge. Kept, so that results agree.
    """
    output = as_masks(mask).copy()
    height, width = output.shape[-2:]
    for edge, near, limit, axis in (
        (left, True, width, 2),
        (right, False, width, 2),
        (top, True, height, 1),
        (bottom, False, height, 1),
    ):
        length = min(edge, limit)
        for offset in range(length):
            index = [slice(None)] * 3
            position = offset if near else (limit - offset) % limit
            index[axis] = slice(position, position + 1)
            output[tuple(index)] *= np.float32((offset + 1.0) / length)
    return output


@nodes.add(
    "GrowMask",
    mask(),
    integer("expand", 0, -MAX_RESOLUTION, MAX_RESOLUTION, step=1),
    flag("tapered_corners", True),
    outputs=["MASK"],
)
def grow_mask(mask: Array, expand: int, tapered_corners: bool) -> Array:
    """Grow by a number of pixels, or shrink by a negative one."""
    import cv2

    masks = as_masks(mask)
    if expand == 0:
        return masks
    kernel = np.ones((3, 3), np.uint8)
    if tapered_corners:
        kernel[::2, ::2] = 0
    operation = cv2.erode if expand < 0 else cv2.dilate
    # Beyond the longer side nothing changes any more.
    times = min(abs(expand), max(masks.shape[1:]))
    grown = [operation(np.ascontiguousarray(one), kernel, iterations=times) for one in masks]
    return np.stack(grown).astype(np.float32, copy=False)


@nodes.add("ThresholdMask", mask(), real("value", 0.5, 0.0, 1.0, step=0.01), outputs=["MASK"])
def threshold_mask(mask: Array, value: float) -> Array:
    """1 above the value, 0 elsewhere."""
    return (mask > np.float32(value)).astype(np.float32)


@nodes.add(
    "ImageCompositeMasked",
    image("destination"),
    image("source"),
    size("x", 0, 0),
    size("y", 0, 0),
    flag("resize_source", False),
    mask(required=False),
    outputs=["IMAGE"],
    category="image",
)
def image_composite_masked(
    destination: Array,
    source: Array,
    x: int,
    y: int,
    resize_source: bool,
    mask: Array | None = None,
) -> Array:
    """Put a picture over another at an offset, where the mask is 1."""
    destination, source = same_channels(destination, source)
    output = destination.copy()
    height, width = output.shape[1:3]
    if resize_source:
        source = resample(source, width, height, "bilinear")
    source = to_batch_size(source, len(output))
    x, y = min(x, width), min(y, height)
    visible = source[:, : height - y, : width - x]
    weight: Array = np.ones((1, *visible.shape[1:3]), np.float32)
    if mask is not None:
        fitted = resample_masks(as_masks(mask), source.shape[2], source.shape[1])
        weight = to_batch_size(fitted, len(source))[:, : height - y, : width - x]
    weight = weight[..., None]
    bottom, right = y + visible.shape[1], x + visible.shape[2]
    below = output[:, y:bottom, x:right]
    output[:, y:bottom, x:right] = weight * visible + (np.float32(1.0) - weight) * below
    return output


@nodes.add(
    "JoinImageWithAlpha",
    image(),
    mask("alpha"),
    outputs=["IMAGE"],
    display="Join Image with Alpha",
    **_COMPOSITING,
)
def join_image_with_alpha(image: Array, alpha: Array) -> Array:
    """Make a mask the transparency of a picture: 1 becomes fully transparent."""
    height, width = image.shape[1:3]
    opacity = np.float32(1.0) - resample_masks(as_masks(alpha), width, height)
    batch = min(len(image), len(opacity))
    return np.concatenate([image[:batch, ..., :3], opacity[:batch, ..., None]], axis=-1)


@nodes.add(
    "SplitImageWithAlpha",
    image(),
    outputs=["IMAGE", "MASK"],
    display="Split Image with Alpha",
    **_COMPOSITING,
)
def split_image_with_alpha(image: Array) -> tuple[Array, Array]:
    """Separate colour and transparency; without an alpha channel the mask is 0."""
    if image.shape[-1] > 3:
        return image[..., :3], np.float32(1.0) - image[..., 3]
    return image[..., :3], np.zeros(image.shape[:3], np.float32)

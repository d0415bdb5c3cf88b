"""Nodes that change or mix colours: YUV, invert, blend."""

from __future__ import annotations

import numpy as np

from simulators.comfyui.nodes.arrays import Array, same_channels
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, image, real
from simulators.comfyui.nodes.resample import resample

nodes = NodeSet(category="image/batch", module="comfy_extras.nodes_morphology", schema=Schema.V3)

# BT.601 luma, and the chroma scales of kornia's YCbCr. Kornia 0.9 goes back with their exact
# inverse; older versions rounded it (1.403, 0.714, 0.344, 1.773), 3e-4 away.
_RED_LUMA, _GREEN_LUMA, _BLUE_LUMA = 0.299, 0.587, 0.114
_RED_SCALE, _BLUE_SCALE = 0.713, 0.564
_HALF = np.float32(0.5)


@nodes.add(
    "ImageRGBToYUV",
    image(),
    outputs=["IMAGE", "IMAGE", "IMAGE"],
    output_names=("Y", "U", "V"),
)
def image_rgb_to_yuv(image: Array) -> tuple[Array, ...]:
    """Split into luma and two chroma pictures, each repeated over three channels.

    Raises:
        ValueError: The picture has no three channels.
    """
    if image.shape[-1] != 3:
        raise ValueError(f"Input size must have a shape of (*, 3, H, W). Got {image.shape}")
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    luma = _RED_LUMA * red + _GREEN_LUMA * green + _BLUE_LUMA * blue
    planes = (luma, (blue - luma) * _BLUE_SCALE + _HALF, (red - luma) * _RED_SCALE + _HALF)
    return tuple(np.broadcast_to(plane[..., None], image.shape) for plane in planes)


@nodes.add("ImageYUVToRGB", image("Y"), image("U"), image("V"), outputs=["IMAGE"])
def image_yuv_to_rgb(Y: Array, U: Array, V: Array) -> Array:  # noqa: N803  input names
    """Join luma and chroma pictures, each averaged over its channels."""
    luma, blue, red = (_mean_channel(plane) for plane in (Y, U, V))
    blue, red = blue - _HALF, red - _HALF
    from_red = _RED_LUMA / _GREEN_LUMA / _RED_SCALE
    from_blue = _BLUE_LUMA / _GREEN_LUMA / _BLUE_SCALE
    green = luma - from_red * red - from_blue * blue
    rgb = np.stack([luma + 1 / _RED_SCALE * red, green, luma + 1 / _BLUE_SCALE * blue], axis=-1)
    return np.asarray(np.clip(rgb, 0.0, 1.0), np.float32)


def _mean_channel(plane: Array) -> Array:
    if plane.strides[-1] == 0:  # one channel, repeated as a view
        return plane[..., 0]
    return np.asarray(plane.mean(axis=-1, dtype=np.float32))


@nodes.add(
    "ImageInvert",
    image(),
    outputs=["IMAGE"],
    display="Invert Image",
    category="image",
    module="nodes",
    schema=Schema.V1,
)
def image_invert(image: Array) -> Array:
    """Turn light into dark."""
    return np.float32(1.0) - image


@nodes.add(
    "ImageBlend",
    image("image1"),
    image("image2"),
    real("blend_factor", 0.5, 0.0, 1.0, step=0.01),
    choice("blend_mode", ("normal", "multiply", "screen", "overlay", "soft_light", "difference")),
    outputs=["IMAGE"],
    category="image/postprocessing",
    module="comfy_extras.nodes_post_processing",
)
def image_blend(image1: Array, image2: Array, blend_factor: float, blend_mode: str) -> Array:
    """Mix a blend of two pictures into the first; the second is fitted to the first's size."""
    image1, image2 = same_channels(image1, image2)
    if image1.shape != image2.shape:
        height, width = image1.shape[1:3]
        image2 = resample(image2, width, height, "bicubic", "center")
    kept, added = np.float32(1 - blend_factor), np.float32(blend_factor)
    mixed = image1 * kept + _blend(image1, image2, blend_mode) * added
    return np.clip(mixed, 0.0, 1.0)


def _blend(below: Array, above: Array, mode: str) -> Array:
    if mode == "normal":
        return above
    if mode == "multiply":
        return below * above
    if mode == "screen":
        return 1 - (1 - below) * (1 - above)
    if mode == "overlay":
        dark, light = 2 * below * above, 1 - 2 * (1 - below) * (1 - above)
        return np.where(below <= 0.5, dark, light)
    if mode == "soft_light":
        darker = below - (1 - 2 * above) * below * (1 - below)
        lighter = below + (2 * above - 1) * (_soft_light_curve(below) - below)
        return np.where(above <= 0.5, darker, lighter)
    if mode == "difference":
        return below - above
    raise ValueError(f"Unsupported blend mode: {mode}")


def _soft_light_curve(below: Array) -> Array:
    low = ((16 * below - 12) * below + 4) * below
    return np.where(below <= 0.25, low, np.sqrt(np.maximum(below, 0)))

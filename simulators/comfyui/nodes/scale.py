"""Nodes that change the size of pictures."""

from __future__ import annotations

import math

import numpy as np

from simulators.comfyui.nodes.arrays import Array
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, image, real, size
from simulators.comfyui.nodes.resample import METHODS, resample

nodes = NodeSet(category="image/upscaling")
_IMAGES = "comfy_extras.nodes_images"

# The sizes FLUX.1 Kontext was trained on, as 0.3.64 lists them.
_KONTEXT_SIZES = (
    (672, 1568), (688, 1504), (720, 1456), (752, 1392), (800, 1328), (832, 1248),
    (880, 1184), (944, 1104), (1024, 1024), (1104, 944), (1184, 880), (1248, 832),
    (1328, 800), (1392, 752), (1456, 720), (1504, 688), (1568, 672),
)  # fmt: skip


@nodes.add(
    "ImageScale",
    image(),
    choice("upscale_method", METHODS),
    size("width", low=0),
    size("height", low=0),
    choice("crop", ("disabled", "center")),
    outputs=["IMAGE"],
    display="Upscale Image",
)
def image_scale(image: Array, upscale_method: str, width: int, height: int, crop: str) -> Array:
    """Scale to a size; a side of 0 follows the other one."""
    if width == 0 and height == 0:
        return image
    old_height, old_width = image.shape[1:3]
    if width == 0:
        width = max(1, round(old_width * height / old_height))
    elif height == 0:
        height = max(1, round(old_height * width / old_width))
    return resample(image, width, height, upscale_method, crop)


@nodes.add(
    "ImageScaleBy",
    image(),
    choice("upscale_method", METHODS),
    real("scale_by", 1.0, 0.01, 8.0, step=0.01),
    outputs=["IMAGE"],
    display="Upscale Image By",
)
def image_scale_by(image: Array, upscale_method: str, scale_by: float) -> Array:
    """Scale both sides by a factor."""
    height, width = image.shape[1:3]
    return resample(image, round(width * scale_by), round(height * scale_by), upscale_method)


@nodes.add(
    "ImageScaleToTotalPixels",
    image(),
    choice("upscale_method", METHODS),
    real("megapixels", 1.0, 0.01, 16.0, step=0.01),
    outputs=["IMAGE"],
    module="comfy_extras.nodes_post_processing",
    schema=Schema.V3,
)
def image_scale_to_total_pixels(image: Array, upscale_method: str, megapixels: float) -> Array:
    """Scale to a number of pixels; one megapixel is 1024 x 1024."""
    height, width = image.shape[1:3]
    scale = math.sqrt(int(megapixels * 1024 * 1024) / (width * height))
    return resample(image, round(width * scale), round(height * scale), upscale_method)


@nodes.add(
    "ImageScaleToMaxDimension",
    image(),
    # The doubled word is ComfyUI's own.
    choice(
        "upscale_method",
        ("area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic"),
    ),
    size("largest_size", low=0),
    outputs=["IMAGE"],
    module=_IMAGES,
)
def image_scale_to_max_dimension(image: Array, upscale_method: str, largest_size: int) -> Array:
    """Scale so that the longer side has the given length."""
    height, width = image.shape[1:3]
    if height > width:
        width, height = round((width / height) * largest_size), largest_size
    elif width > height:
        width, height = largest_size, round((height / width) * largest_size)
    else:
        width = height = largest_size
    return resample(image, width, height, upscale_method)


@nodes.add(
    "ResizeAndPadImage",
    image(),
    size("target_width"),
    size("target_height"),
    choice("padding_color", ("white", "black")),
    choice("interpolation", ("area", "bicubic", "nearest-exact", "bilinear", "lanczos")),
    outputs=["IMAGE"],
    module=_IMAGES,
    category="image/transform",
)
def resize_and_pad_image(
    image: Array, target_width: int, target_height: int, padding_color: str, interpolation: str
) -> Array:
    """Fit into a size and fill the rest with a colour."""
    batch, height, width, channels = image.shape
    scale = min(target_width / width, target_height / height)
    new_width, new_height = int(width * scale), int(height * scale)
    fill = 0.0 if padding_color == "black" else 1.0
    padded = np.full((batch, target_height, target_width, channels), fill, np.float32)
    top, left = (target_height - new_height) // 2, (target_width - new_width) // 2
    padded[:, top : top + new_height, left : left + new_width] = resample(
        image, new_width, new_height, interpolation
    )
    return padded


@nodes.add(
    "FluxKontextImageScale",
    image(),
    outputs=["IMAGE"],
    module="comfy_extras.nodes_flux",
    category="advanced/conditioning/flux",
    schema=Schema.V3,
)
def flux_kontext_image_scale(image: Array) -> Array:
    """Scale to the Kontext size whose aspect ratio is nearest."""
    height, width = image.shape[1:3]
    aspect = width / height
    best = min(_KONTEXT_SIZES, key=lambda wh: (abs(aspect - wh[0] / wh[1]), wh))
    return resample(image, *best, "lanczos", "center")

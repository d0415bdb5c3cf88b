"""Nodes that filter pixels: blur, sharpen, morphology, quantize."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.comfyui.nodes.arrays import Array, from_bytes, to_bytes
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, image, integer, real

nodes = NodeSet(
    category="image/postprocessing",
    module="comfy_extras.nodes_post_processing",
    schema=Schema.V3,
)


@nodes.add(
    "ImageBlur",
    image(),
    integer("blur_radius", 1, 1, 31, step=1),
    real("sigma", 1.0, 0.1, 10.0, step=0.1),
    outputs=["IMAGE"],
)
def image_blur(image: Array, blur_radius: int, sigma: float) -> Array:
    """Blur with a Gaussian whose sigma is in units of the radius, not of pixels."""
    return _gaussian(image, blur_radius, sigma)


@nodes.add(
    "ImageSharpen",
    image(),
    integer("sharpen_radius", 1, 1, 31, step=1),
    real("sigma", 1.0, 0.1, 10.0, step=0.01),
    real("alpha", 1.0, 0.0, 5.0, step=0.01),
    outputs=["IMAGE"],
)
def image_sharpen(image: Array, sharpen_radius: int, sigma: float, alpha: float) -> Array:
    """Unsharp mask: add ten times alpha of what a blur takes away."""
    amount = np.float32(10 * alpha)
    sharpened = image + amount * (image - _gaussian(image, sharpen_radius, sigma))
    return np.clip(sharpened, 0.0, 1.0)


def _gaussian(images: Array, radius: int, sigma: float) -> Array:
    import cv2

    height, width = images.shape[1:3]
    if radius >= min(height, width):
        raise ValueError(
            "Padding size should be less than the corresponding input dimension, "
            f"but got padding {radius} for a picture of {width}x{height}"
        )
    line = np.linspace(-1.0, 1.0, 2 * radius + 1)
    kernel = np.exp(-(line**2) / (2.0 * sigma * sigma))
    kernel = (kernel / kernel.sum()).astype(np.float32)
    return _each(
        images,
        lambda picture: cv2.sepFilter2D(
            picture, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101
        ),
    )


@nodes.add(
    "Morphology",
    image(),
    choice("operation", ("erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat")),
    integer("kernel_size", 3, 3, 999, step=1),
    outputs=["IMAGE"],
    display="ImageMorphology",
    module="comfy_extras.nodes_morphology",
)
def morphology(image: Array, operation: str, kernel_size: int) -> Array:
    """Flat morphology with a square; pixels outside the picture never win."""
    if operation == "erode":
        return _erode(image, kernel_size)
    if operation == "dilate":
        return _dilate(image, kernel_size)
    if operation == "open":
        return _dilate(_erode(image, kernel_size), kernel_size)
    if operation == "close":
        return _erode(_dilate(image, kernel_size), kernel_size)
    if operation == "gradient":
        return _dilate(image, kernel_size) - _erode(image, kernel_size)
    if operation == "top_hat":
        return image - _dilate(_erode(image, kernel_size), kernel_size)
    if operation == "bottom_hat":
        return _erode(_dilate(image, kernel_size), kernel_size) - image
    raise ValueError(f"Invalid operation {operation} for morphology.")


def _erode(images: Array, size: int) -> Array:
    import cv2

    square = np.ones((size, size), np.uint8)
    return _each(images, lambda picture: cv2.erode(picture, square))


def _dilate(images: Array, size: int) -> Array:
    import cv2

    square = np.ones((size, size), np.uint8)
    # With an even size kornia's dilation looks to the other side than its erosion.
    anchor = ((size - 1) // 2, (size - 1) // 2)
    return _each(images, lambda picture: cv2.dilate(picture, square, anchor=anchor))


def _each(images: Array, operation: object) -> Array:
    """Run an OpenCV filter on every picture; OpenCV drops the axis of a single channel."""
    assert callable(operation)  # noqa: S101  narrows the type; OpenCV is untyped
    filtered = [operation(np.ascontiguousarray(picture)) for picture in images]
    return np.stack(filtered).astype(np.float32, copy=False).reshape(images.shape)


@nodes.add(
    "ImageQuantize",
    image(),
    integer("colors", 256, 1, 256, step=1),
    choice("dither", ("none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16")),
    outputs=["IMAGE"],
)
def image_quantize(image: Array, colors: int, dither: str) -> Array:
    """Reduce each picture to a palette of its own."""
    return np.stack([_quantize(picture, colors, dither) for picture in image])


def _quantize(picture: Array, colors: int, dither: str) -> Array:
    from PIL import Image

    source = Image.fromarray(to_bytes(picture))
    palette = source.quantize(colors=colors)
    mode = Image.Dither.NONE
    if dither == "floyd-steinberg":
        mode = Image.Dither.FLOYDSTEINBERG
    elif dither.startswith("bayer"):
        listed = palette.getpalette() or []
        spread = 2 * 256 / (len(listed) // 3)
        source = Image.fromarray(_bayer(np.array(source), int(dither.split("-")[1]), spread))
    return from_bytes(np.array(source.quantize(palette=palette, dither=mode).convert("RGB")))


def _bayer(pixels: NDArray[np.uint8], order: int, spread: float) -> NDArray[np.uint8]:
    """Add an ordered threshold pattern to the pixels."""
    height, width = pixels.shape[:2]
    pattern = spread * _bayer_matrix(int(math.log2(order))) + 0.5
    repeats = (-(-height // order), -(-width // order))
    tiled = np.tile(pattern, repeats)[:height, :width, None]
    dithered: NDArray[np.uint8] = np.clip(pixels + tiled, 0, 255).astype(np.uint8)
    return dithered


def _bayer_matrix(level: int) -> NDArray[np.float64]:
    if level == 0:
        return np.zeros((1, 1))
    inner = 4**level * _bayer_matrix(level - 1)
    blocks = np.block([[inner - 1.5, inner + 0.5], [inner + 1.5, inner - 0.5]])
    return np.asarray(blocks / 4**level, np.float64)

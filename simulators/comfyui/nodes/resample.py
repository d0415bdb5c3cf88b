"""Resizing of pictures with the kernels and borders that ComfyUI's resizing has.

PyTorch's ``bilinear`` and ``bicubic`` (half-pixel centres, a = -0.75, no antialiasing) are
OpenCV's linear and cubic. Its ``area`` averages whole pixels, unlike OpenCV's, and its
``lanczos`` runs on 8 bits in Pillow, so these two are computed here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulators.comfyui.nodes.arrays import Array, from_bytes, to_bytes

METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")


def resample(images: Array, width: int, height: int, method: str, crop: str = "disabled") -> Array:
    """Resize a batch of pictures.

    Args:
        images: Shape (batch, height, width, channels).
        width: Wanted width in pixels.
        height: Wanted height in pixels.
        method: One of METHODS.
        crop: ``center`` first cuts the middle of the wanted aspect ratio out.

    Raises:
        NotImplementedError: The method is unknown, possible since V3 options go unchecked.
        ValueError: The wanted size holds no pixel.
    """
    if width < 1 or height < 1:
        raise ValueError(f"Input and output sizes should be greater than 0, got {height}x{width}")
    if crop == "center":
        images = _middle(images, width, height)
    resize = _RESIZERS.get(method)
    if resize is None:
        raise NotImplementedError(f"No such interpolation mode: {method}")
    return np.stack([resize(image, width, height) for image in images])


def resample_masks(masks: Array, width: int, height: int, method: str = "bilinear") -> Array:
    """Resize a batch of masks of shape (batch, height, width)."""
    return resample(masks[..., None], width, height, method)[..., 0]


def _middle(images: Array, width: int, height: int) -> Array:
    old_height, old_width = images.shape[1:3]
    old_aspect, new_aspect = old_width / old_height, width / height
    x = y = 0
    if old_aspect > new_aspect:
        x = round((old_width - old_width * (new_aspect / old_aspect)) / 2)
    elif old_aspect < new_aspect:
        y = round((old_height - old_height * (old_aspect / new_aspect)) / 2)
    return images[:, y : old_height - y, x : old_width - x]


def _with_opencv(interpolation: str) -> Callable[[Array, int, int], Array]:
    def resize(image: Array, width: int, height: int) -> Array:
        import cv2

        # A window of a picture goes in as it lies; OpenCV copies what it cannot read in place.
        flag = getattr(cv2, interpolation)
        resized = cv2.resize(image, (width, height), interpolation=flag)
        return np.asarray(resized, np.float32).reshape(height, width, image.shape[-1])

    return resize


def _nearest_exact(image: Array, width: int, height: int) -> Array:
    return image[_centres(image.shape[0], height)][:, _centres(image.shape[1], width)]


def _centres(old: int, new: int) -> NDArray[np.intp]:
    """Source index under the centre of each new pixel, in single precision like PyTorch."""
    scale = np.float32(old) / np.float32(new)
    centres = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * scale
    return np.minimum(centres.astype(np.intp), old - 1)


def _area(image: Array, width: int, height: int) -> Array:
    rows = _mean_over_bins(image.astype(np.float64), height)
    both = _mean_over_bins(rows.swapaxes(0, 1), width).swapaxes(0, 1)
    return both.astype(np.float32)


def _mean_over_bins(lines: NDArray[np.float64], new: int) -> NDArray[np.float64]:
    """Average the first axis over the whole pixels that each new pixel touches."""
    old = lines.shape[0]
    index = np.arange(new)
    first = index * old // new
    last = -(-(index + 1) * old // new)
    sums = np.concatenate([np.zeros((1, *lines.shape[1:])), np.cumsum(lines, axis=0)])
    counts = (last - first).reshape((-1,) + (1,) * (lines.ndim - 1))
    return np.asarray((sums[last] - sums[first]) / counts)


def _lanczos(image: Array, width: int, height: int) -> Array:
    from PIL import Image

    picture = Image.fromarray(to_bytes(image))
    return from_bytes(np.array(picture.resize((width, height), Image.Resampling.LANCZOS)))


_RESIZERS: dict[str, Callable[[Array, int, int], Array]] = {
    "nearest-exact": _nearest_exact,
    "bilinear": _with_opencv("INTER_LINEAR"),
    "bicubic": _with_opencv("INTER_CUBIC"),
    "area": _area,
    "lanczos": _lanczos,
}

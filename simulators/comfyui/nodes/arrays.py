"""Array types of the nodes and the few operations every theme needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
"""Pictures (batch, height, width, channels) or masks (batch, height, width), 0..1."""
Bytes = NDArray[np.uint8]
"""The same in 0..255."""


def to_bytes(images: Array) -> Bytes:
    """Scale to 0..255 and cut the fraction off, as ComfyUI does before it writes a file."""
    pixels: Bytes = np.clip(255.0 * images, 0, 255).astype(np.uint8)
    return pixels


def from_bytes(pixels: Bytes) -> Array:
    """Scale 0..255 to 0..1."""
    return pixels.astype(np.float32) / np.float32(255.0)


def as_masks(mask: Array) -> Array:
    """Give a mask its batch axis, whatever shape it came in."""
    return mask.reshape((-1, mask.shape[-2], mask.shape[-1]))


def to_batch_size(images: Array, size: int) -> Array:
    """Repeat or cut a batch to ``size`` pictures."""
    if len(images) >= size:
        return images[:size]
    repeats = -(-size // len(images))
    return np.concatenate([images] * repeats)[:size]


def same_channels(target: Array, source: Array) -> tuple[Array, Array]:
    """Match alpha channels as ComfyUI 0.3.64 does before it combines two pictures.

    A richer source is cut. A richer target gains one more opaque channel, which makes RGBA
    with RGB fail later; measured, and kept, since a graph must not pass here and fail there.
    """
    if target.shape[-1] < source.shape[-1]:
        return target, source[..., : target.shape[-1]]
    if target.shape[-1] > source.shape[-1]:
        opaque = np.ones((*target.shape[:-1], 1), np.float32)
        return np.concatenate([target, opaque], axis=-1), source
    return target, source

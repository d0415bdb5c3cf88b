"""Nodes that make latents, and the VAE between pixels and latents."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from simulators.comfyui.nodes.arrays import Array
from simulators.comfyui.nodes.context import NodeContext
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import image, integer, mask, size, socket
from simulators.comfyui.nodes.testcard.card import draw_cards
from simulators.comfyui.nodes.testcard.values import Latent, Weights, encoded

nodes = NodeSet(category="latent")

_VAE = socket("vae", "VAE")
_BATCH = integer("batch_size", 1, 1, 4096)
_TILE = (
    integer("overlap", 64, 0, 4096, step=32),
    integer("temporal_size", 64, 8, 4096, step=4),
    integer("temporal_overlap", 8, 4, 4096, step=4),
)


@nodes.add("VAEEncode", image("pixels"), _VAE, outputs=["LATENT"], display="VAE Encode")
@nodes.add(
    "VAEEncodeTiled",
    image("pixels"),
    _VAE,
    integer("tile_size", 512, 64, 4096, step=64),
    *_TILE,
    outputs=["LATENT"],
    display="VAE Encode (Tiled)",
    category="_for_testing",
)
@nodes.add(
    "VAEEncodeForInpaint",
    image("pixels"),
    _VAE,
    mask(),
    integer("grow_mask_by", 6, 0, 64, step=1),
    outputs=["LATENT"],
    display="VAE Encode (for Inpainting)",
    category="latent/inpaint",
)
def vae_encode(pixels: Array, vae: Weights, **settings: object) -> Latent:
    """Encode pictures."""
    del vae, settings
    return encoded(pixels)


@nodes.add(
    "VAEDecode",
    socket("samples", "LATENT"),
    _VAE,
    outputs=["IMAGE"],
    display="VAE Decode",
    uses_context=True,
)
@nodes.add(
    "VAEDecodeTiled",
    socket("samples", "LATENT"),
    _VAE,
    integer("tile_size", 512, 64, 4096, step=32),
    *_TILE,
    outputs=["IMAGE"],
    display="VAE Decode (Tiled)",
    category="_for_testing",
    uses_context=True,
)
def vae_decode(context: NodeContext, samples: Latent, vae: Weights, **settings: int) -> Array:
    """Draw test cards where a VAE would decode pixels."""
    del vae, settings
    names = class_names(context.prompt)
    cards = draw_cards(
        samples.picture, samples.width, samples.height, samples.frames, samples.seed, names
    )
    return np.concatenate([cards] * samples.batch) if samples.batch > 1 else cards


def class_names(prompt: Mapping[str, Any]) -> list[str]:
    """Class names of a graph's nodes, each once, in the order of the graph."""
    return list(dict.fromkeys(str(node["class_type"]) for node in prompt.values()))


@nodes.add(
    "EmptyLatentImage",
    size("width", 512, 16, step=8),
    size("height", 512, 16, step=8),
    _BATCH,
    outputs=["LATENT"],
    display="Empty Latent Image",
)
@nodes.add(
    "EmptySD3LatentImage",
    size("width", 1024, 16, step=16),
    size("height", 1024, 16, step=16),
    _BATCH,
    outputs=["LATENT"],
    category="latent/sd3",
    module="comfy_extras.nodes_sd3",
    schema=Schema.V3,
)
def empty_latent_image(width: int, height: int, batch_size: int = 1) -> Latent:
    """A latent of stills that shows nothing yet."""
    return Latent(width // 8 * 8, height // 8 * 8, batch=batch_size)


@nodes.add(
    "SetLatentNoiseMask",
    socket("samples", "LATENT"),
    mask(),
    outputs=["LATENT"],
    display="Set Latent Noise Mask",
    category="latent/inpaint",
)
def set_latent_noise_mask(samples: Latent, mask: Array) -> Latent:
    """Restrict where a sampler may change things; a test card does not show it."""
    del mask
    return samples


@nodes.add(
    "RepeatLatentBatch",
    socket("samples", "LATENT"),
    integer("amount", 1, 1, 64),
    outputs=["LATENT"],
    display="Repeat Latent Batch",
    category="latent/batch",
)
def repeat_latent_batch(samples: Latent, amount: int) -> Latent:
    """Repeat a latent."""
    return replace(samples, batch=samples.batch * amount)


@nodes.add(
    "ImageUpscaleWithModel",
    socket("upscale_model", "UPSCALE_MODEL"),
    image(),
    outputs=["IMAGE"],
    display="Upscale Image (using Model)",
    category="image/upscaling",
    module="comfy_extras.nodes_upscale_model",
    schema=Schema.V3,
    uses_context=True,
)
def image_upscale_with_model(context: NodeContext, upscale_model: Weights, image: Array) -> Array:
    """Draw test cards at the scale the file name tells, four times if it tells none."""
    told = re.search(r"(\d)x|x(\d)", upscale_model.name.lower())
    scale = int(told.group(1) or told.group(2)) if told else 4
    batch, height, width = image.shape[:3]
    steps = batch * _tiles(width) * _tiles(height)
    for number in range(steps):
        context.step(number + 1, steps)
    names = class_names(context.prompt)
    cards = [draw_cards(one, width * scale, height * scale, 1, None, names) for one in image]
    return np.concatenate(cards)


def _tiles(side: int, tile: int = 512, overlap: int = 32) -> int:
    return 1 if side <= tile else math.ceil((side - overlap) / (tile - overlap))

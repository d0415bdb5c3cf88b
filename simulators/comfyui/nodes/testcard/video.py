"""Nodes of the image-to-video models: Wan 2.1 and 2.2, LTX-Video."""

from __future__ import annotations

from simulators.comfyui.nodes.arrays import Array
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import image, integer, real, size, socket
from simulators.comfyui.nodes.testcard.values import Conditioning, Latent, Weights, first

nodes = NodeSet(category="conditioning/video_models", schema=Schema.V3)

_POSITIVE, _NEGATIVE = socket("positive", "CONDITIONING"), socket("negative", "CONDITIONING")
_VAE = socket("vae", "VAE")
_BATCH = integer("batch_size", 1, 1, 4096)
_BOTH = {"outputs": ["CONDITIONING", "CONDITIONING"], "output_names": ("positive", "negative")}
_ALL = {
    "outputs": ["CONDITIONING", "CONDITIONING", "LATENT"],
    "output_names": ("positive", "negative", "latent"),
}
_WAN, _LTX = {"module": "comfy_extras.nodes_wan"}, {"module": "comfy_extras.nodes_lt"}
_WAN_SIZE = (
    size("width", 832, 16, step=16),
    size("height", 480, 16, step=16),
    size("length", 81, 1, step=4),
    _BATCH,
)
Conditioned = tuple[Conditioning, Conditioning, Latent]


def _clip(size: tuple[int, int], length: int, multiples: tuple[int, int], batch: int) -> Latent:
    """A latent clip; a video VAE keeps sides and length to multiples, the length plus one."""
    side, time = multiples
    width, height = (max(pixels // side, 1) * side for pixels in size)
    return Latent(width, height, frames=(length - 1) // time * time + 1, batch=batch)


@nodes.add(
    "WanImageToVideo",
    _POSITIVE,
    _NEGATIVE,
    _VAE,
    *_WAN_SIZE,
    socket("clip_vision_output", "CLIP_VISION_OUTPUT", required=False),
    image("start_image", required=False),
    **_ALL,
    **_WAN,
)
def wan_image_to_video(
    positive: Conditioning,
    negative: Conditioning,
    vae: Weights,
    width: int,
    height: int,
    length: int,
    batch_size: int,
    clip_vision_output: Conditioning | None = None,
    start_image: Array | None = None,
) -> Conditioned:
    """Ask for a clip that begins with a picture."""
    del vae, clip_vision_output
    start = first(start_image)
    latent = _clip((width, height), length, (8, 4), batch_size)
    return positive.showing(start), negative.showing(start), latent


@nodes.add(
    "WanFirstLastFrameToVideo",
    _POSITIVE,
    _NEGATIVE,
    _VAE,
    *_WAN_SIZE,
    socket("clip_vision_start_image", "CLIP_VISION_OUTPUT", required=False),
    socket("clip_vision_end_image", "CLIP_VISION_OUTPUT", required=False),
    image("start_image", required=False),
    image("end_image", required=False),
    **_ALL,
    **_WAN,
)
def wan_first_last_frame_to_video(
    positive: Conditioning,
    negative: Conditioning,
    vae: Weights,
    width: int,
    height: int,
    length: int,
    batch_size: int,
    clip_vision_start_image: Conditioning | None = None,
    clip_vision_end_image: Conditioning | None = None,
    start_image: Array | None = None,
    end_image: Array | None = None,
) -> Conditioned:
    """Ask for a clip between two pictures; the card shows the first given one."""
    del vae, clip_vision_start_image, clip_vision_end_image
    shown = first(start_image if start_image is not None else end_image)
    latent = _clip((width, height), length, (8, 4), batch_size)
    return positive.showing(shown), negative.showing(shown), latent


@nodes.add(
    "Wan22ImageToVideoLatent",
    _VAE,
    size("width", 1280, 32, step=32),
    size("height", 704, 32, step=32),
    size("length", 49, 1, step=4),
    _BATCH,
    image("start_image", required=False),
    outputs=["LATENT"],
    category="conditioning/inpaint",
    **_WAN,
)
def wan22_image_to_video_latent(
    vae: Weights,
    width: int,
    height: int,
    length: int,
    batch_size: int,
    start_image: Array | None = None,
) -> Latent:
    """A latent clip that begins with a picture."""
    del vae
    clip = _clip((width, height), length, (16, 4), batch_size)
    return Latent(clip.width, clip.height, clip.frames, clip.batch, first(start_image))


@nodes.add(
    "LTXVImgToVideo",
    _POSITIVE,
    _NEGATIVE,
    _VAE,
    image(),
    size("width", 768, 64, step=32),
    size("height", 512, 64, step=32),
    size("length", 97, 9, step=8),
    _BATCH,
    real("strength", 1.0, 0.0, 1.0),
    **_ALL,
    **_LTX,
)
def ltxv_img_to_video(
    positive: Conditioning,
    negative: Conditioning,
    vae: Weights,
    image: Array,
    width: int,
    height: int,
    length: int,
    batch_size: int,
    strength: float,
) -> Conditioned:
    """Ask for a clip that begins with a picture."""
    del vae, strength
    clip = _clip((width, height), length, (32, 8), batch_size)
    latent = Latent(clip.width, clip.height, clip.frames, clip.batch, first(image))
    return positive, negative, latent


@nodes.add(
    "LTXVConditioning",
    _POSITIVE,
    _NEGATIVE,
    real("frame_rate", 25.0, 0.0, 1000.0, step=0.01),
    **_BOTH,
    **_LTX,
)
def ltxv_conditioning(
    positive: Conditioning, negative: Conditioning, frame_rate: float
) -> tuple[Conditioning, Conditioning]:
    """Tell the model the frame rate."""
    del frame_rate
    return positive, negative


@nodes.add(
    "LTXVPreprocess",
    image(),
    integer("img_compression", 35, 0, 100),
    outputs=["IMAGE"],
    output_names=("output_image",),
    category="image",
    **_LTX,
)
def ltxv_preprocess(image: Array, img_compression: int) -> Array:
    """ComfyUI compresses the picture here, so that the model moves it; a card needs none."""
    del img_compression
    return image

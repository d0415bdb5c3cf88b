"""Nodes that encode prompts and pictures into conditionings."""

from __future__ import annotations

from simulators.comfyui.nodes.arrays import Array
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, image, real, socket, text
from simulators.comfyui.nodes.testcard.values import Conditioning, Latent, Weights, first

nodes = NodeSet(category="advanced/conditioning", schema=Schema.V3)

_CLIP = socket("clip", "CLIP")
_VAE = socket("vae", "VAE", required=False)
_PROMPT = text("prompt", multiline=True, dynamicPrompts=True)
_CONDITIONING = socket("conditioning", "CONDITIONING")
_FLUX = {"category": "advanced/conditioning/flux", "module": "comfy_extras.nodes_flux"}


@nodes.add(
    "CLIPTextEncode",
    text("text", multiline=True, dynamicPrompts=True),
    _CLIP,
    outputs=["CONDITIONING"],
    display="CLIP Text Encode (Prompt)",
    category="conditioning",
    module="nodes",
    schema=Schema.V1,
)
def clip_text_encode(clip: Weights, text: str) -> Conditioning:
    """Encode a prompt."""
    del clip, text
    return Conditioning()


@nodes.add(
    "TextEncodeQwenImageEdit",
    _CLIP,
    _PROMPT,
    _VAE,
    image(required=False),
    outputs=["CONDITIONING"],
    module="comfy_extras.nodes_qwen",
)
def text_encode_qwen_image_edit(
    clip: Weights, prompt: str, vae: Weights | None = None, image: Array | None = None
) -> Conditioning:
    """Encode a prompt about a picture."""
    del clip, prompt, vae
    return Conditioning(first(image))


@nodes.add(
    "TextEncodeQwenImageEditPlus",
    _CLIP,
    _PROMPT,
    _VAE,
    image("image1", required=False),
    image("image2", required=False),
    image("image3", required=False),
    outputs=["CONDITIONING"],
    module="comfy_extras.nodes_qwen",
)
def text_encode_qwen_image_edit_plus(
    clip: Weights,
    prompt: str,
    vae: Weights | None = None,
    image1: Array | None = None,
    image2: Array | None = None,
    image3: Array | None = None,
) -> Conditioning:
    """Encode a prompt about up to three pictures."""
    del clip, prompt, vae
    given = [picture for picture in (image1, image2, image3) if picture is not None]
    return Conditioning(first(given[0]) if given else None)


@nodes.add(
    "ReferenceLatent",
    _CONDITIONING,
    socket("latent", "LATENT", required=False),
    outputs=["CONDITIONING"],
    category="advanced/conditioning/edit_models",
    module="comfy_extras.nodes_edit_model",
)
def reference_latent(conditioning: Conditioning, latent: Latent | None = None) -> Conditioning:
    """Let an edit model see a picture."""
    return conditioning if latent is None else conditioning.showing(latent.picture)


@nodes.add(
    "FluxGuidance",
    _CONDITIONING,
    real("guidance", 3.5, 0.0, 100.0, step=0.1),
    outputs=["CONDITIONING"],
    **_FLUX,
)
@nodes.add(
    "FluxKontextMultiReferenceLatentMethod",
    _CONDITIONING,
    choice("reference_latents_method", ("offset", "index", "uxo/uno")),
    outputs=["CONDITIONING"],
    experimental=True,
    **_FLUX,
)
def configure(conditioning: Conditioning, **settings: float | str) -> Conditioning:
    """Set a value of a conditioning; a test card does not show it."""
    del settings
    return conditioning


@nodes.add(
    "ConditioningZeroOut",
    _CONDITIONING,
    outputs=["CONDITIONING"],
    module="nodes",
    schema=Schema.V1,
)
def conditioning_zero_out(conditioning: Conditioning) -> Conditioning:
    """Empty a conditioning."""
    del conditioning
    return Conditioning()


@nodes.add(
    "ConditioningCombine",
    socket("conditioning_1", "CONDITIONING"),
    socket("conditioning_2", "CONDITIONING"),
    outputs=["CONDITIONING"],
    display="Conditioning (Combine)",
    category="conditioning",
    module="nodes",
    schema=Schema.V1,
)
def conditioning_combine(
    conditioning_1: Conditioning, conditioning_2: Conditioning
) -> Conditioning:
    """Use two conditionings at once."""
    return conditioning_2.showing(conditioning_1.picture)


@nodes.add(
    "CLIPVisionEncode",
    socket("clip_vision", "CLIP_VISION"),
    image(),
    choice("crop", ("center", "none")),
    outputs=["CLIP_VISION_OUTPUT"],
    display="CLIP Vision Encode",
    category="conditioning",
    module="nodes",
    schema=Schema.V1,
)
def clip_vision_encode(clip_vision: Weights, image: Array, crop: str) -> Conditioning:
    """Encode what a picture shows."""
    del clip_vision, crop
    return Conditioning(first(image))

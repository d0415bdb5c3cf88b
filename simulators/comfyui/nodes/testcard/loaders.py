"""Loaders of model files and the nodes that patch a model."""

from __future__ import annotations

from simulators.comfyui.nodes.context import NodeContext
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, model_file, real, size, socket
from simulators.comfyui.nodes.testcard.values import Weights

nodes = NodeSet(category="advanced/loaders", uses_context=True)

_DTYPES = ("default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2")
_CLIP_TYPES = (
    "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart",
    "cosmos", "lumina2", "wan", "hidream", "chroma", "ace", "omnigen2", "qwen_image",
    "hunyuan_image",
)  # fmt: skip
_DUAL_TYPES = ("sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image")
_DEVICE = choice("device", ("default", "cpu"), required=False, advanced=True)


@nodes.add(
    "UNETLoader",
    model_file("unet_name", "diffusion_models"),
    choice("weight_dtype", _DTYPES),
    outputs=["MODEL"],
    display="Load Diffusion Model",
)
def load_unet(context: NodeContext, unet_name: str, weight_dtype: str) -> Weights:
    """Load a diffusion model."""
    del weight_dtype
    return Weights(context.shelf.load("diffusion_models", unet_name))


@nodes.add(
    "CLIPLoader",
    model_file("clip_name", "text_encoders"),
    choice("type", _CLIP_TYPES),
    _DEVICE,
    outputs=["CLIP"],
    display="Load CLIP",
)
def load_clip(
    context: NodeContext, clip_name: str, type: str = "stable_diffusion", device: str = "default"
) -> Weights:
    """Load a text encoder."""
    del type, device
    return Weights(context.shelf.load("text_encoders", clip_name))


@nodes.add(
    "DualCLIPLoader",
    model_file("clip_name1", "text_encoders"),
    model_file("clip_name2", "text_encoders"),
    choice("type", _DUAL_TYPES),
    _DEVICE,
    outputs=["CLIP"],
)
def load_two_clips(
    context: NodeContext, clip_name1: str, clip_name2: str, type: str, device: str = "default"
) -> Weights:
    """Load two text encoders that work together."""
    del type, device
    names = [context.shelf.load("text_encoders", name) for name in (clip_name1, clip_name2)]
    return Weights(" + ".join(names))


@nodes.add(
    "VAELoader",
    model_file("vae_name", "vae", "pixel_space"),
    outputs=["VAE"],
    display="Load VAE",
    category="loaders",
)
def load_vae(context: NodeContext, vae_name: str) -> Weights:
    """Load a VAE; ``pixel_space`` needs no file."""
    if vae_name == "pixel_space":
        return Weights(vae_name)
    return Weights(context.shelf.load("vae", vae_name))


@nodes.add(
    "CheckpointLoaderSimple",
    model_file("ckpt_name", "checkpoints"),
    outputs=["MODEL", "CLIP", "VAE"],
    display="Load Checkpoint",
    category="loaders",
)
def load_checkpoint(context: NodeContext, ckpt_name: str) -> tuple[Weights, Weights, Weights]:
    """Load a model with its text encoder and VAE from one file."""
    weights = Weights(context.shelf.load("checkpoints", ckpt_name))
    return weights, weights, weights


@nodes.add(
    "LoraLoaderModelOnly",
    socket("model", "MODEL"),
    model_file("lora_name", "loras"),
    real("strength_model", 1.0, -100.0, 100.0, step=0.01),
    outputs=["MODEL"],
    category="loaders",
)
def load_lora_model_only(
    context: NodeContext, model: Weights, lora_name: str, strength_model: float
) -> Weights:
    """Add a LoRA to a model; at strength 0 the file is not read."""
    return model if strength_model == 0 else _with_lora(context, model, lora_name)


@nodes.add(
    "LoraLoader",
    socket("model", "MODEL"),
    socket("clip", "CLIP"),
    model_file("lora_name", "loras"),
    real("strength_model", 1.0, -100.0, 100.0, step=0.01),
    real("strength_clip", 1.0, -100.0, 100.0, step=0.01),
    outputs=["MODEL", "CLIP"],
    display="Load LoRA",
    category="loaders",
)
def load_lora(
    context: NodeContext,
    model: Weights,
    clip: Weights,
    lora_name: str,
    strength_model: float,
    strength_clip: float,
) -> tuple[Weights, Weights]:
    """Add a LoRA to a model and its text encoder; at strength 0 the file is not read."""
    if strength_model == 0 and strength_clip == 0:
        return model, clip
    return _with_lora(context, model, lora_name), clip


def _with_lora(context: NodeContext, model: Weights, lora_name: str) -> Weights:
    return Weights(f"{model.name} + {context.shelf.load('loras', lora_name)}")


@nodes.add(
    "CLIPVisionLoader",
    model_file("clip_name", "clip_vision"),
    outputs=["CLIP_VISION"],
    display="Load CLIP Vision",
    category="loaders",
)
def load_clip_vision(context: NodeContext, clip_name: str) -> Weights:
    """Load an image encoder."""
    return Weights(context.shelf.load("clip_vision", clip_name))


@nodes.add(
    "UpscaleModelLoader",
    model_file("model_name", "upscale_models"),
    outputs=["UPSCALE_MODEL"],
    display="Load Upscale Model",
    category="loaders",
    module="comfy_extras.nodes_upscale_model",
    schema=Schema.V3,
)
def load_upscaler(context: NodeContext, model_name: str) -> Weights:
    """Load an upscaler."""
    return Weights(context.shelf.load("upscale_models", model_name))


_MODEL = socket("model", "MODEL")
_ADVANCED = {
    "category": "advanced/model",
    "module": "comfy_extras.nodes_model_advanced",
    "uses_context": False,
}


@nodes.add(
    "ModelSamplingAuraFlow",
    _MODEL,
    real("shift", 1.73, 0.0, 100.0, step=0.01),
    outputs=["MODEL"],
    **_ADVANCED,
)
@nodes.add(
    "ModelSamplingSD3",
    _MODEL,
    real("shift", 3.0, 0.0, 100.0, step=0.01),
    outputs=["MODEL"],
    **_ADVANCED,
)
@nodes.add(
    "ModelSamplingFlux",
    _MODEL,
    real("max_shift", 1.15, 0.0, 100.0, step=0.01),
    real("base_shift", 0.5, 0.0, 100.0, step=0.01),
    size("width", 1024, 16, step=8),
    size("height", 1024, 16, step=8),
    outputs=["MODEL"],
    **_ADVANCED,
)
@nodes.add(
    "CFGNorm",
    _MODEL,
    real("strength", 1.0, 0.0, 100.0, step=0.01),
    outputs=["MODEL"],
    output_names=("patched_model",),
    category="advanced/guidance",
    module="comfy_extras.nodes_cfg",
    schema=Schema.V3,
    experimental=True,
    uses_context=False,
)
def patch_model(model: Weights, **settings: float) -> Weights:
    """Change how a model samples; a test card does not show it."""
    del settings
    return model

"""Samplers, and the schedules, noises and guiders of the custom ones."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.comfyui.nodes.context import NodeContext
from simulators.comfyui.nodes.declare import NodeSet, Schema
from simulators.comfyui.nodes.inputs import choice, flag, integer, real, seed, socket
from simulators.comfyui.nodes.testcard.values import Conditioning, Latent, Sigmas, Weights

nodes = NodeSet(category="sampling/custom_sampling", module="comfy_extras.nodes_custom_sampler")

_SAMPLERS = (
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2",
    "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral",
    "dpmpp_2s_ancestral_cfg_pp", "dpmpp_sde", "dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_cfg_pp",
    "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu",
    "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm", "lcm", "ipndm", "ipndm_v", "deis",
    "res_multistep", "res_multistep_cfg_pp", "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp", "gradient_estimation", "gradient_estimation_cfg_pp",
    "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece", "ddim", "uni_pc",
    "uni_pc_bh2",
)  # fmt: skip
_SCHEDULERS = (
    "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal",
    "linear_quadratic", "kl_optimal",
)  # fmt: skip
_MODEL, _LATENT = socket("model", "MODEL"), socket("latent_image", "LATENT")
_POSITIVE, _NEGATIVE = socket("positive", "CONDITIONING"), socket("negative", "CONDITIONING")
_STEPS = integer("steps", 20, 1, 10000)
_CFG = real("cfg", 8.0, 0.0, 100.0, step=0.1, round=0.01)
_DENOISE = real("denoise", 1.0, 0.0, 1.0, step=0.01)
_PLAIN = {"category": "sampling", "module": "nodes", "uses_context": True}
_TWICE = {"outputs": ["LATENT", "LATENT"], "output_names": ("output", "denoised_output")}


@dataclass(frozen=True)
class Guider:
    """What steers a custom sampler."""

    positive: Conditioning


def _walk(context: NodeContext, steps: int) -> None:
    """Report every step, as a sampler does after it."""
    for number in range(steps):
        context.step(number + 1, steps)


@nodes.add(
    "KSampler",
    _MODEL,
    seed(),
    _STEPS,
    _CFG,
    choice("sampler_name", _SAMPLERS),
    choice("scheduler", _SCHEDULERS),
    _POSITIVE,
    _NEGATIVE,
    _LATENT,
    _DENOISE,
    outputs=["LATENT"],
    **_PLAIN,
)
def ksampler(
    context: NodeContext,
    seed: int,
    steps: int,
    positive: Conditioning,
    latent_image: Latent,
    **settings: object,
) -> Latent:
    """Walk through the steps without a model."""
    del settings
    _walk(context, steps)
    return latent_image.sampled(seed, positive)


@nodes.add(
    "KSamplerAdvanced",
    _MODEL,
    choice("add_noise", ("enable", "disable")),
    seed("noise_seed"),
    _STEPS,
    _CFG,
    choice("sampler_name", _SAMPLERS),
    choice("scheduler", _SCHEDULERS),
    _POSITIVE,
    _NEGATIVE,
    _LATENT,
    integer("start_at_step", 0, 0, 10000),
    integer("end_at_step", 10000, 0, 10000),
    choice("return_with_leftover_noise", ("disable", "enable")),
    outputs=["LATENT"],
    display="KSampler (Advanced)",
    **_PLAIN,
)
def ksampler_advanced(
    context: NodeContext,
    noise_seed: int,
    steps: int,
    positive: Conditioning,
    latent_image: Latent,
    start_at_step: int,
    end_at_step: int,
    add_noise: str,
    **settings: object,
) -> Latent:
    """Walk through a part of the steps; without new noise the earlier seed stays."""
    del settings
    _walk(context, max(0, min(end_at_step, steps) - start_at_step))
    kept = latent_image.seed if add_noise == "disable" else None
    return latent_image.sampled(noise_seed if kept is None else kept, positive)


@nodes.add(
    "SamplerCustom",
    _MODEL,
    flag("add_noise", True),
    seed("noise_seed"),
    _CFG,
    _POSITIVE,
    _NEGATIVE,
    socket("sampler", "SAMPLER"),
    socket("sigmas", "SIGMAS"),
    _LATENT,
    uses_context=True,
    **_TWICE,
)
def sampler_custom(
    context: NodeContext,
    noise_seed: int,
    positive: Conditioning,
    sigmas: Sigmas,
    latent_image: Latent,
    **settings: object,
) -> tuple[Latent, Latent]:
    """Walk through the steps of a schedule."""
    del settings
    _walk(context, sigmas.steps)
    latent = latent_image.sampled(noise_seed, positive)
    return latent, latent


@nodes.add(
    "SamplerCustomAdvanced",
    socket("noise", "NOISE"),
    socket("guider", "GUIDER"),
    socket("sampler", "SAMPLER"),
    socket("sigmas", "SIGMAS"),
    _LATENT,
    uses_context=True,
    **_TWICE,
)
def sampler_custom_advanced(
    context: NodeContext,
    noise: int,
    guider: Guider,
    sampler: str,
    sigmas: Sigmas,
    latent_image: Latent,
) -> tuple[Latent, Latent]:
    """Walk through the steps of a schedule, steered by a guider."""
    del sampler
    _walk(context, sigmas.steps)
    latent = latent_image.sampled(noise, guider.positive)
    return latent, latent


@nodes.add(
    "KSamplerSelect",
    choice("sampler_name", _SAMPLERS),
    outputs=["SAMPLER"],
    category="sampling/custom_sampling/samplers",
)
def ksampler_select(sampler_name: str) -> str:
    """Name a sampler."""
    return sampler_name


@nodes.add(
    "BasicScheduler",
    _MODEL,
    choice("scheduler", _SCHEDULERS),
    _STEPS,
    _DENOISE,
    outputs=["SIGMAS"],
    category="sampling/custom_sampling/schedulers",
)
def basic_scheduler(model: Weights, scheduler: str, steps: int, denoise: float) -> Sigmas:
    """A schedule of steps; at denoise 0 there are none."""
    del model, scheduler
    return Sigmas(steps if denoise > 0 else 0)


@nodes.add(
    "LTXVScheduler",
    _STEPS,
    real("max_shift", 2.05, 0.0, 100.0, step=0.01),
    real("base_shift", 0.95, 0.0, 100.0, step=0.01),
    flag("stretch", True),
    real("terminal", 0.1, 0.0, 0.99, step=0.01),
    socket("latent", "LATENT", required=False),
    outputs=["SIGMAS"],
    category="sampling/custom_sampling/schedulers",
    module="comfy_extras.nodes_lt",
    schema=Schema.V3,
)
def ltxv_scheduler(steps: int, **settings: object) -> Sigmas:
    """A schedule of steps for LTX-Video."""
    del settings
    return Sigmas(steps)


@nodes.add(
    "RandomNoise", seed("noise_seed"), outputs=["NOISE"], category="sampling/custom_sampling/noise"
)
def random_noise(noise_seed: int) -> int:
    """Noise, known by its seed."""
    return noise_seed


@nodes.add(
    "BasicGuider",
    _MODEL,
    socket("conditioning", "CONDITIONING"),
    outputs=["GUIDER"],
    category="sampling/custom_sampling/guiders",
)
def basic_guider(model: Weights, conditioning: Conditioning) -> Guider:
    """Steer by one conditioning."""
    del model
    return Guider(conditioning)


@nodes.add(
    "CFGGuider",
    _MODEL,
    _POSITIVE,
    _NEGATIVE,
    _CFG,
    outputs=["GUIDER"],
    category="sampling/custom_sampling/guiders",
)
def cfg_guider(
    model: Weights, positive: Conditioning, negative: Conditioning, cfg: float
) -> Guider:
    """Steer towards one conditioning and away from another."""
    del model, negative, cfg
    return Guider(positive)

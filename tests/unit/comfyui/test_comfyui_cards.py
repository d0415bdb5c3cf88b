"""Test cards: model graphs run, and nobody can take the result for a restoration."""

from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from simulators.comfyui.nodes.arrays import Array
from simulators.comfyui.nodes.testcard.card import draw_cards
from simulators.comfyui.options import ModelsMode

Graph = dict[str, Any]
NAMES = ["LoadImage", "KSampler", "VAEDecode"]
LIGHT: Array = np.full((40, 60, 3), 0.9, np.float32)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def test_card_is_the_dimmed_picture_under_large_letters() -> None:
    (card,) = draw_cards(LIGHT, 240, 160, 1, 7, NAMES)
    assert card.shape == (160, 240, 3)
    background = np.isclose(card, 0.9 * 0.35, atol=0.01).all(axis=-1)
    assert background.mean() > 0.5
    word = card[60:100, 12:228]
    assert (word > 0.99).all(axis=-1).mean() > 0.1
    columns = np.flatnonzero((word > 0.99).all(axis=-1).any(axis=0))
    assert np.ptp(columns) > 0.8 * 216


def test_card_depends_on_its_seed_and_on_nothing_else() -> None:
    first = draw_cards(LIGHT, 240, 160, 1, 7, NAMES)
    np.testing.assert_array_equal(first, draw_cards(LIGHT, 240, 160, 1, 7, NAMES))
    assert (first != draw_cards(LIGHT, 240, 160, 1, 8, NAMES)).any()


def test_clip_moves() -> None:
    clip = draw_cards(None, 64, 48, 5, 1, NAMES)
    assert clip.shape == (5, 48, 64, 3)
    assert all((one != other).any() for one, other in zip(clip[1:], clip[:-1], strict=True))


@pytest.mark.parametrize(("width", "height"), [(8, 8), (16, 900), (900, 16)])
def test_any_size_can_be_drawn(width: int, height: int) -> None:
    assert draw_cards(None, width, height, 1, None, NAMES).shape == (1, height, width, 3)


@pytest.fixture
def cards(make_bench: Callable[..., Any]) -> Any:
    """An engine in test card mode with one photo."""
    bench = make_bench(models_mode=ModelsMode.TEST_CARD)
    Image.new("RGB", (100, 75), (230, 230, 230)).save(bench.engine.folders.input / "p.png")
    return bench


PHOTO = node("LoadImage", image="p.png")
CLIP = node("CLIPLoader", clip_name="c.safetensors", type="wan")
VAE = node("VAELoader", vae_name="v.safetensors")
TEXT = node("CLIPTextEncode", text="x", clip=["clip", 0])
SAMPLER = {"cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}


def model(name: str) -> dict[str, Any]:
    return node("UNETLoader", unet_name=f"{name}.safetensors", weight_dtype="default")


def saved_card(bench: Any, entry: dict[str, Any], node_id: str = "save") -> Image.Image:
    (file,) = entry["outputs"][node_id]["images"]
    with Image.open(bench.engine.folders.output / file["filename"]) as card:
        return card.copy()


def test_qwen_image_edit_with_lightning(cards: Any) -> None:
    encode = {"clip": ["clip", 0], "vae": ["vae", 0], "image1": ["fit", 0]}
    links = {"positive": ["pos", 0], "negative": ["neg", 0], "latent_image": ["latent", 0]}
    entry = cards.run(
        {
            "photo": PHOTO,
            "fit": node(
                "ImageScaleToTotalPixels",
                image=["photo", 0],
                upscale_method="lanczos",
                megapixels=0.02,
            ),
            "clip": node("CLIPLoader", clip_name="q.safetensors", type="qwen_image"),
            "vae": VAE,
            "pos": node("TextEncodeQwenImageEditPlus", prompt="restore", **encode),
            "neg": node("TextEncodeQwenImageEdit", clip=["clip", 0], prompt=""),
            "latent": node("VAEEncode", pixels=["fit", 0], vae=["vae", 0]),
            "model": model("qwen"),
            "lora": node(
                "LoraLoaderModelOnly",
                model=["model", 0],
                lora_name="lightning.safetensors",
                strength_model=1.0,
            ),
            "shift": node("ModelSamplingAuraFlow", model=["lora", 0], shift=3.0),
            "norm": node("CFGNorm", model=["shift", 0], strength=1.0),
            "sample": node(
                "KSampler", model=["norm", 0], seed=42, steps=4, denoise=1.0, **SAMPLER, **links
            ),
            "decode": node("VAEDecode", samples=["sample", 0], vae=["vae", 0]),
            "save": node("SaveImage", images=["decode", 0], filename_prefix="qwen"),
        }
    )
    card = saved_card(cards, entry)
    assert card.size == (160, 120)  # like a VAE, cut to multiples of 8 from 167x125
    assert np.median(np.asarray(card)) == pytest.approx(230 * 0.35, abs=3)


def test_wan_image_to_video_with_two_experts(cards: Any) -> None:
    links = {"positive": ["wan", 0], "negative": ["wan", 1]}
    entry = cards.run(
        {
            "photo": PHOTO,
            "clip": CLIP,
            "vae": VAE,
            "text": TEXT,
            "high": model("high"),
            "low": model("low"),
            "vision": node("CLIPVisionLoader", clip_name="vision.safetensors"),
            "seen": node(
                "CLIPVisionEncode", clip_vision=["vision", 0], image=["photo", 0], crop="none"
            ),
            "wan": node(
                "WanImageToVideo",
                positive=["text", 0],
                negative=["text", 0],
                vae=["vae", 0],
                width=64,
                height=48,
                length=10,
                batch_size=1,
                start_image=["photo", 0],
                clip_vision_output=["seen", 0],
            ),
            "first": node(
                "KSamplerAdvanced",
                model=["high", 0],
                latent_image=["wan", 2],
                add_noise="enable",
                noise_seed=5,
                steps=4,
                start_at_step=0,
                end_at_step=2,
                return_with_leftover_noise="enable",
                **SAMPLER,
                **links,
            ),
            "second": node(
                "KSamplerAdvanced",
                model=["low", 0],
                latent_image=["first", 0],
                add_noise="disable",
                noise_seed=0,
                steps=4,
                start_at_step=2,
                end_at_step=10000,
                return_with_leftover_noise="disable",
                **SAMPLER,
                **links,
            ),
            "decode": node("VAEDecode", samples=["second", 0], vae=["vae", 0]),
            "video": node("CreateVideo", images=["decode", 0], fps=16.0),
            "save": node(
                "SaveVideo", video=["video", 0], filename_prefix="w", format="auto", codec="auto"
            ),
        },
        client_id="me",
    )
    told = [data["node"] for event, data, _ in cards.outbox.sent if event == "progress"]
    assert told == ["first", "first", "second", "second"]
    (file,) = entry["outputs"]["save"]["images"]
    with av.open(cards.engine.folders.output / file["filename"]) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 9  # a length is one more than a multiple of four
    assert frames[0].shape == (48, 64, 3)


def test_wan_5b_shows_its_start_image(cards: Any) -> None:
    links = {"positive": ["text", 0], "negative": ["text", 0], "latent_image": ["wan", 0]}
    entry = cards.run(
        {
            "photo": PHOTO,
            "clip": CLIP,
            "vae": VAE,
            "text": TEXT,
            "model": model("ti2v"),
            "shift": node("ModelSamplingSD3", model=["model", 0], shift=8.0),
            "wan": node(
                "Wan22ImageToVideoLatent",
                vae=["vae", 0],
                width=96,
                height=64,
                length=1,
                batch_size=1,
                start_image=["photo", 0],
            ),
            "sample": node(
                "KSampler", model=["shift", 0], seed=1, steps=2, denoise=1.0, **SAMPLER, **links
            ),
            "decode": node("VAEDecode", samples=["sample", 0], vae=["vae", 0]),
            "save": node("SaveImage", images=["decode", 0], filename_prefix="w"),
        }
    )
    card = saved_card(cards, entry)
    assert card.size == (96, 64)
    assert np.median(np.asarray(card)) == pytest.approx(230 * 0.35, abs=3)


def test_ltx_video_with_a_custom_sampler(cards: Any) -> None:
    entry = cards.run(
        {
            "photo": PHOTO,
            "all": node("CheckpointLoaderSimple", ckpt_name="ltxv.safetensors"),
            "text": node("CLIPTextEncode", text="x", clip=["all", 1]),
            "pre": node("LTXVPreprocess", image=["photo", 0], img_compression=35),
            "ltx": node(
                "LTXVImgToVideo",
                positive=["text", 0],
                negative=["text", 0],
                vae=["all", 2],
                image=["pre", 0],
                width=96,
                height=64,
                length=17,
                batch_size=1,
                strength=0.15,
            ),
            "rate": node(
                "LTXVConditioning", positive=["ltx", 0], negative=["ltx", 1], frame_rate=25.0
            ),
            "sigmas": node(
                "LTXVScheduler",
                steps=3,
                max_shift=2.05,
                base_shift=0.95,
                stretch=True,
                terminal=0.1,
                latent=["ltx", 2],
            ),
            "euler": node("KSamplerSelect", sampler_name="euler"),
            "sample": node(
                "SamplerCustom",
                model=["all", 0],
                add_noise=True,
                noise_seed=3,
                cfg=3.0,
                positive=["rate", 0],
                negative=["rate", 1],
                sampler=["euler", 0],
                sigmas=["sigmas", 0],
                latent_image=["ltx", 2],
            ),
            "decode": node("VAEDecode", samples=["sample", 0], vae=["all", 2]),
            "save": node(
                "SaveWEBM", images=["decode", 0], filename_prefix="l", codec="vp9", fps=8, crf=40
            ),
        },
        client_id="me",
    )
    assert entry["status"]["status_str"] == "success"
    with av.open(cards.engine.folders.output / "l_00001_.webm") as container:
        assert sum(1 for _ in container.decode(video=0)) == 17


def test_kontext_with_a_guider_shows_its_reference(cards: Any) -> None:
    entry = cards.run(
        {
            "photo": PHOTO,
            "fit": node("FluxKontextImageScale", image=["photo", 0]),
            "clip": node("DualCLIPLoader", clip_name1="a", clip_name2="b", type="flux"),
            "vae": VAE,
            "text": TEXT,
            "latent": node("VAEEncode", pixels=["fit", 0], vae=["vae", 0]),
            "reference": node("ReferenceLatent", conditioning=["text", 0], latent=["latent", 0]),
            "guidance": node("FluxGuidance", conditioning=["reference", 0], guidance=2.5),
            "zero": node("ConditioningZeroOut", conditioning=["guidance", 0]),
            "model": model("kontext"),
            "guider": node(
                "CFGGuider",
                model=["model", 0],
                positive=["guidance", 0],
                negative=["zero", 0],
                cfg=1.0,
            ),
            "noise": node("RandomNoise", noise_seed=9),
            "sigmas": node(
                "BasicScheduler", model=["model", 0], scheduler="simple", steps=2, denoise=1.0
            ),
            "euler": node("KSamplerSelect", sampler_name="euler"),
            "empty": node("EmptySD3LatentImage", width=128, height=64, batch_size=2),
            "sample": node(
                "SamplerCustomAdvanced",
                noise=["noise", 0],
                guider=["guider", 0],
                sampler=["euler", 0],
                sigmas=["sigmas", 0],
                latent_image=["empty", 0],
            ),
            "decode": node("VAEDecode", samples=["sample", 0], vae=["vae", 0]),
            "save": node("PreviewImage", images=["decode", 0]),
        }
    )
    files = entry["outputs"]["save"]["images"]
    assert len(files) == 2
    with Image.open(cards.engine.folders.temp / files[0]["filename"]) as card:
        assert card.size == (128, 64)
        assert np.median(np.asarray(card)) == pytest.approx(230 * 0.35, abs=3)


@pytest.mark.parametrize(
    ("name", "scale"), [("RealESRGAN_x4plus.pth", 4), ("2x-any.pth", 2), ("unknown.pth", 4)]
)
def test_upscaler_gives_a_card_of_its_scale(cards: Any, name: str, scale: int) -> None:
    entry = cards.run(
        {
            "photo": PHOTO,
            "model": node("UpscaleModelLoader", model_name=name),
            "up": node("ImageUpscaleWithModel", upscale_model=["model", 0], image=["photo", 0]),
            "save": node("SaveImage", images=["up", 0], filename_prefix="up"),
        },
        client_id="me",
    )
    assert saved_card(cards, entry).size == (100 * scale, 75 * scale)
    assert cards.outbox.to("me").count("progress") == 1

"""What the pack `restore_classic` does to photos, run by the small engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest

from comfy_graphs import bind, complete, load_pack
from deploy.demo.aging import RGB, SAMPLES, Wear, age, sample_photo
from deploy.demo.picture import psnr
from rekindle.adapters.comfyui import ComfyClient

Restore = Callable[..., Awaitable[RGB]]


@pytest.fixture
async def comfy(engine: Any) -> AsyncIterator[ComfyClient]:
    client = ComfyClient(engine.url)
    yield client
    await client.close()


@pytest.fixture
def restore(comfy: ComfyClient, tmp_path: Path) -> Restore:
    """Restores an RGB photo; a quarter of a megapixel unless said otherwise."""

    async def run(photo: RGB, **given: Any) -> RGB:
        pack, prompt_id, path = load_pack("restore_classic"), uuid4(), tmp_path / "photo.png"
        cv2.imwrite(str(path), photo[..., ::-1])
        name = await comfy.upload(path, folder=f"jobs/{prompt_id}", name="photo.png")
        values = complete(pack, {"megapixels": 0.25, **given}, seed=1)
        bound = bind(pack, values, photo=name, filename_prefix=f"jobs/{prompt_id}/out")
        await comfy.submit(prompt_id, bound.graph, client_id=str(prompt_id))
        while (end := (await comfy.status(prompt_id)).end) is None:
            await asyncio.sleep(0.05)  # each look costs the engine time
        assert end.succeeded, end.failure
        [file] = [f for f in end.files if f.node == bound.output_node]
        await comfy.fetch(file, path)
        result = cv2.imread(str(path))
        assert result is not None
        return np.ascontiguousarray(result[..., ::-1]).astype(np.uint8)

    return run


@cache
def aged_sample(name: str = SAMPLES[0], seed: int = 1) -> RGB:
    """A sample as it has aged; nobody may change it."""
    aged = age(sample_photo(name), seed)
    aged.setflags(write=False)
    return aged


def gray(photo: RGB) -> RGB:
    return np.repeat((photo @ np.array([0.299, 0.587, 0.114]))[..., None], 3, 2).astype(np.uint8)


@pytest.mark.parametrize("seed", [1, 7])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
async def test_an_aged_photo_comes_much_nearer_to_the_good_one(
    restore: Restore, name: str, seed: int
) -> None:
    original, aged = sample_photo(name), aged_sample(name, seed)
    restored = await restore(aged)
    assert psnr(restored, original) > psnr(aged, original) + 6.0


async def test_heavier_and_lighter_wear_is_undone_too(restore: Restore) -> None:
    original = sample_photo()
    heavy = Wear(kept_dye=(0.38, 0.5, 0.45), stain=(0.05, 0.1, 0.25), grain=0.025, scratches=16)
    light = Wear(kept_dye=(0.8, 0.88, 0.85), stain=(0.01, 0.03, 0.07), scratches=3, specks=25)
    for wear in (heavy, light):
        aged = age(original, 1, wear)
        assert psnr(await restore(aged), original) > psnr(aged, original) + 4.0


async def test_most_dust_and_scratches_go(restore: Restore) -> None:
    original = sample_photo("chelsea")
    hurt, unhurt = (age(original, 1, w) for w in (Wear(), Wear(scratches=0, specks=0, fibres=0)))
    before = np.abs(hurt.astype(int) - unhurt).max(axis=2)
    damaged = before > 60
    sized = [
        cv2.resize(await restore(photo), original.shape[1::-1], interpolation=cv2.INTER_AREA)
        for photo in (hurt, unhurt)
    ]
    after = np.abs(sized[0].astype(int) - sized[1]).max(axis=2)
    assert np.median(after[damaged]) < 0.4 * np.median(before[damaged])


async def test_grain_goes_and_edges_stay(restore: Restore) -> None:
    picture = np.full((400, 400, 3), 60, np.uint8)
    picture[:, 200:] = 190
    picture[:40, :40], picture[-40:, -40:] = 0, 255  # a full range: nothing to stretch
    noise = np.random.default_rng(1).normal(0, 6, picture.shape)
    restored = (await restore(np.clip(picture + noise, 0, 255).astype(np.uint8))).astype(float)
    half = restored.shape[1] // 2
    assert restored[150:350, 40 : half - 40].std() < 3.6
    across = restored[200:300].mean(axis=(0, 2))
    assert across[half + 4] - across[half - 4] > 115


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "rocket"])
async def test_a_good_modern_photo_stays_what_it_is(restore: Restore, name: str) -> None:
    photo = sample_photo(name)
    assert psnr(await restore(photo, megapixels=0.5), photo) > 34.0


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (250, 120, 130)])
async def test_a_blank_sheet_keeps_its_colour(
    restore: Restore, colour: tuple[int, int, int]
) -> None:
    sheet = np.full((90, 130, 3), colour, np.uint8)
    assert np.abs((await restore(sheet, megapixels=0.1)).astype(int) - colour).max() <= 2


async def test_a_monochrome_print_comes_back_without_its_cast(restore: Restore) -> None:
    restored = (await restore(age(gray(sample_photo()), 3))).astype(int)
    assert np.ptp(restored, axis=2).max() <= 2


async def test_a_colour_print_keeps_its_colours(restore: Restore) -> None:
    original = sample_photo()
    restored = (await restore(age(original, 3))).astype(int)
    colour, wanted = (np.ptp(p.astype(int), axis=2).mean() for p in (restored, original))
    assert 0.7 * wanted < colour < 1.4 * wanted


async def test_denoise_zero_only_scales(restore: Restore) -> None:
    aged = aged_sample()
    assert psnr(await restore(aged, denoise=0), aged) > 40.0


async def test_more_denoise_goes_further_from_the_scan(restore: Restore) -> None:
    aged = aged_sample()
    distances = [psnr(await restore(aged, denoise=d), aged) for d in (0.1, 0.3, 0.5, 0.7)]
    assert distances == sorted(distances, reverse=True)


async def test_enhanced_has_more_contrast_than_faithful(restore: Restore) -> None:
    aged = aged_sample()
    faithful = await restore(aged, mode="faithful")
    enhanced = await restore(aged, mode="enhanced")
    assert enhanced.std() > 1.05 * faithful.std()


@pytest.mark.parametrize("megapixels", [0.1, 0.6, 2.0])
async def test_the_result_has_the_asked_size_and_the_photos_shape(
    restore: Restore, megapixels: float
) -> None:
    photo = aged_sample("coffee")
    height, width = (await restore(photo, megapixels=megapixels)).shape[:2]
    assert height * width == pytest.approx(megapixels * 1024 * 1024, rel=0.01)
    assert width / height == pytest.approx(photo.shape[1] / photo.shape[0], rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (16, 16), (33, 1200), (1500, 40), (401, 299)])
async def test_odd_sizes_come_through(restore: Restore, shape: tuple[int, int]) -> None:
    photo = np.resize(aged_sample(), (*shape, 3))
    height, width = (await restore(photo, megapixels=0.1)).shape[:2]
    assert height * width == pytest.approx(0.1 * 1024 * 1024, rel=0.05)

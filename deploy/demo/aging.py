"""Ages a good photo the way a colour print of the 1970s ages, the same for the same seed.

The order is a print's life: the enlarger's softness, dyes that fade in the dark and in the
light, the paper's yellow stain, grain, then scratches, dust and fibres, then the scanner.
The colour part works on optical densities in linear light, because a dye that loses a
share of itself loses that share of its *density*; lifted blacks, flat contrast and the
colour cast all follow from that and are not painted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

RGB = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

_FILES = {
    "astronaut": "astronaut.png",
    "coffee": "coffee.png",
    "chelsea": "chelsea.png",
    "rocket": "rocket.jpg",
    "motorcycle_left": "motorcycle_left.png",
}

SAMPLES = tuple(_FILES)
"""Photos that lie inside scikit-image's wheel; the first is the demo's portrait."""

_DARKEST_DENSITY = 2.1
"""The optical density of a good colour print's black."""


@dataclass(frozen=True)
class Wear:
    """How far a print has aged. The defaults are a print kept in a drawer for fifty years.

    Attributes:
        softness: sigma of the enlarger's and the scanner's blur, in pixels of a 512-pixel print.
        kept_dye: share of the cyan, magenta and yellow dye that is left (they absorb red,
            green and blue). Cyan is the weakest in the papers of that time.
        kept_dye_spread: how much the shares differ between prints, one standard deviation.
        stain: density that the yellowing paper adds to red, green and blue.
        flare: share of the light that reaches the scanner without touching the picture.
        uneven: how much the fading differs across the print.
        grain: standard deviation of the grain, of the full scale.
        scratches: scratches on a square print.
        specks: dust specks on a square print, bright and dark.
        fibres: hairs and fibres on a square print.
    """

    softness: float = 0.55
    kept_dye: tuple[float, float, float] = (0.52, 0.66, 0.60)
    kept_dye_spread: float = 0.04
    stain: tuple[float, float, float] = (0.03, 0.07, 0.17)
    flare: float = 0.012
    uneven: float = 0.04
    grain: float = 0.018
    scratches: int = 9
    specks: int = 70
    fibres: int = 5


def sample_photo(name: str = SAMPLES[0]) -> RGB:
    """A good photo from scikit-image's own wheel; nothing is downloaded.

    Args:
        name: one of `SAMPLES`.

    Returns:
        The photo, height x width x 3, uint8 sRGB.

    Raises:
        ValueError: the name is none of `SAMPLES`.
    """
    if name not in SAMPLES:
        raise ValueError(f"no sample photo {name!r}; there are {', '.join(SAMPLES)}")
    path = files("skimage").joinpath("data", _FILES[name])
    with path.open("rb") as file, Image.open(file) as photo:
        return np.asarray(photo.convert("RGB"))


def age(photo: RGB, seed: int, wear: Wear | None = None) -> RGB:
    """Make the photo look like an old print of itself.

    Args:
        photo: height x width x 3, uint8 sRGB.
        seed: the same seed ages the same photo in the same way.
        wear: how far; a drawer for fifty years by default.

    Returns:
        The aged photo, same shape and type.
    """
    wear = wear or Wear()
    fade, texture, damage = (np.random.default_rng([seed, stage]) for stage in range(3))
    unit = float(np.sqrt(photo.shape[0] * photo.shape[1])) / 512.0
    picture = _blurred(photo.astype(np.float32) / 255.0, wear.softness * max(unit, 0.5))
    picture = _faded(picture, fade, wear)
    picture = _grained(picture, texture, wear)
    picture = _scratched(picture, damage, wear, unit)
    picture = _dusty(picture, damage, wear, unit)
    aged: RGB = np.rint(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
    return aged


def _faded(picture: Floats, rng: np.random.Generator, wear: Wear) -> Floats:
    """Dyes lose density, the paper gains stain, flare veils the rest."""
    density = -np.log10(np.maximum(_to_linear(picture), 10.0**-_DARKEST_DENSITY))
    kept = np.asarray(wear.kept_dye) + rng.normal(0.0, wear.kept_dye_spread, 3)
    field = _smooth_field(rng, picture.shape[:2])[..., None] * wear.uneven
    stain = np.asarray(wear.stain) * rng.uniform(0.7, 1.3) * (1.0 + 4.0 * field)
    aged = density * np.clip(kept + field, 0.2, 1.0) + stain
    light = 10.0**-aged
    return _to_srgb(light * (1.0 - wear.flare) + wear.flare)


def _grained(picture: Floats, rng: np.random.Generator, wear: Wear) -> Floats:
    """Grain: mostly in brightness, a little in colour, clumped, strongest in the midtones."""
    shape = picture.shape
    together = rng.standard_normal((*shape[:2], 1)).astype(np.float32)
    apart = rng.standard_normal(shape).astype(np.float32)
    grain = 0.9 * together + 0.45 * apart
    clumped = _blurred(grain, 0.6)
    strength = wear.grain / max(float(clumped.std()), 1e-6)
    luma = picture.mean(axis=2, keepdims=True)
    grained: Floats = picture + clumped * strength * (0.6 + 1.6 * luma * (1.0 - luma))
    return grained


def _scratched(picture: Floats, rng: np.random.Generator, wear: Wear, unit: float) -> Floats:
    """Long thin scratches: most go down to the white paper, a few hold dirt."""
    height, width = picture.shape[:2]
    for _ in range(wear.scratches):
        length = rng.uniform(0.15, 0.9) * height
        steps = 24
        x0, y0 = rng.uniform(0, width), rng.uniform(-0.1, 0.8) * height
        lean = rng.normal(0.0, 0.25)
        wander = np.cumsum(rng.normal(0.0, 0.35 * unit, steps))
        along = np.linspace(0.0, length, steps)
        points = np.stack([x0 + lean * along + wander, y0 + along], axis=1)
        mask = _stroke(picture.shape[:2], points, thickness=rng.uniform(0.8, 1.8) * unit)
        broken = np.interp(
            np.arange(height), np.linspace(0, height, 40), rng.uniform(0.25, 1.0, 40)
        ).astype(np.float32)[:, None]
        bright = rng.random() < 0.8
        colour = np.asarray([0.97, 0.95, 0.90] if bright else [0.16, 0.13, 0.11])
        alpha = (mask * broken * rng.uniform(0.55, 0.95))[..., None]
        picture = picture * (1 - alpha) + colour * alpha
    return picture


def _dusty(picture: Floats, rng: np.random.Generator, wear: Wear, unit: float) -> Floats:
    """Dust on the print and on the scanner's glass, and hairs that lay there with it."""
    height, width = picture.shape[:2]
    for _ in range(wear.specks):
        centre = rng.uniform(0, width), rng.uniform(0, height)
        size = np.clip(rng.lognormal(0.0, 0.45), 0.6, 3.0) * unit
        turn = rng.uniform(0, np.pi)
        across = np.array([np.cos(turn), np.sin(turn)]) * size * rng.uniform(0.0, 0.9)
        points = np.array([centre - across, centre + across])
        mask = _stroke(picture.shape[:2], points, thickness=1.3 * size)
        tone = rng.uniform(0.85, 1.0) if rng.random() < 0.75 else rng.uniform(0.05, 0.2)
        alpha = (mask * rng.uniform(0.6, 1.0))[..., None]
        picture = picture * (1 - alpha) + np.float32(tone) * alpha
    for _ in range(wear.fibres):
        steps = 16
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0.0, 0.35, steps))
        stride = rng.uniform(1.2, 3.0) * unit
        walk = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1) * stride, axis=0)
        points = walk + np.asarray([rng.uniform(0, width), rng.uniform(0, height)])
        mask = _stroke(picture.shape[:2], points, thickness=0.9 * unit)
        alpha = (mask * rng.uniform(0.5, 0.9))[..., None]
        picture = picture * (1 - alpha) + np.float32(0.93) * alpha
    return picture


def _stroke(shape: tuple[int, int], points: NDArray[np.float64], thickness: float) -> Floats:
    """The coverage 0..1 of a thin line, finer than a pixel (drawn four times as large)."""
    fine = 4
    left, top = np.floor(points.min(axis=0) - thickness - 2).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + thickness + 2).astype(int)
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, shape[1]), min(bottom, shape[0])
    mask = np.zeros(shape, np.float32)
    if right <= left or bottom <= top:
        return mask
    patch = np.zeros(((bottom - top) * fine, (right - left) * fine), np.uint8)
    line = np.rint((points - [left, top]) * fine).astype(np.int32)
    cv2.polylines(patch, [line], False, 255, max(1, round(thickness * fine)), cv2.LINE_AA)
    small = cv2.resize(patch, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    mask[top:bottom, left:right] = small.astype(np.float32) / 255.0
    return mask


def _smooth_field(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """A slow variation across the print, about -1..1."""
    coarse = rng.normal(0.0, 0.7, (4, 4)).astype(np.float32)
    field = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return field.astype(np.float32)


def _blurred(picture: Floats, sigma: float) -> Floats:
    return cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32)


def _to_linear(srgb: Floats) -> Floats:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _to_srgb(linear: Floats) -> Floats:
    light = np.maximum(linear, 0.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)

"""Draws the test card that stands where a model's picture would be."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simulators.comfyui.nodes.arrays import Array, from_bytes, to_bytes
from simulators.comfyui.nodes.resample import resample

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

WORD = "SIMULATED"
_DIMMED = 0.35
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)


def draw_cards(
    picture: Array | None,
    width: int,
    height: int,
    frames: int,
    seed: int | None,
    node_names: Sequence[str],
) -> Array:
    """Draw a clip of test cards.

    Args:
        picture: Input of the graph, shape (height, width, channels), shown dimmed; or None.
        width: Width of the cards in pixels.
        height: Height of the cards in pixels.
        frames: Number of cards; more than one get a bar that fills from card to card.
        seed: Decides the colour of the frame; equal arguments give equal pixels.
        node_names: Written in small letters at the bottom.

    Returns:
        Shape (frames, height, width, 3).
    """
    card = _card(picture, width, height, seed, node_names)
    if frames == 1:
        return from_bytes(np.array(card))[None]
    # Filled one by one: a clip can be a gigabyte, and stacking would hold it twice.
    clip = np.empty((frames, height, width, 3), np.float32)
    for number, one in enumerate(_clip(card, frames, seed)):
        clip[number] = from_bytes(np.array(one))
    return clip


def _card(
    picture: Array | None, width: int, height: int, seed: int | None, names: Sequence[str]
) -> Image.Image:
    from PIL import Image, ImageDraw

    card = Image.fromarray(_background(picture, width, height))
    draw = ImageDraw.Draw(card)
    edge = max(2, min(width, height) // 40)
    draw.rectangle((0, 0, width - 1, height - 1), outline=_color(seed), width=edge)
    _write_word(draw, width, height)
    note = "sampled by no model" if seed is None else f"no model ran  seed {seed}"
    _write_small(draw, [note, *_wrapped(names, 48)], edge * 2, height - edge * 2, width)
    return card


def _background(picture: Array | None, width: int, height: int) -> np.ndarray:
    if picture is None:
        ramp = np.linspace(0.05, 0.25, height, dtype=np.float32)
        return to_bytes(np.broadcast_to(ramp[:, None, None], (height, width, 3)))
    fitted = resample(picture[None, ..., :3], width, height, "bilinear", "center")[0]
    return to_bytes(np.broadcast_to(fitted, (height, width, 3)) * np.float32(_DIMMED))


def _color(seed: int | None) -> tuple[int, int, int]:
    hue = 0.0 if seed is None else (seed * 0.61803398875) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.9, 1.0)
    return int(red * 255), int(green * 255), int(blue * 255)


def _write_word(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    from PIL import ImageFont

    measured = ImageFont.load_default(100).getlength(WORD)
    font = ImageFont.load_default(max(4.0, 100 * 0.86 * width / measured))
    stroke = max(1, round(font.size / 25)) if hasattr(font, "size") else 1
    draw.text(
        (width / 2, height / 2),
        WORD,
        font=font,
        fill=_WHITE,
        stroke_width=stroke,
        stroke_fill=_BLACK,
        anchor="mm",
    )


def _write_small(
    draw: ImageDraw.ImageDraw, lines: Sequence[str], left: int, bottom: int, width: int
) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(max(4.0, width / 36))
    draw.multiline_text(
        (left, bottom),
        "\n".join(lines),
        font=font,
        fill=_WHITE,
        stroke_width=1,
        stroke_fill=_BLACK,
        anchor="ld",
    )


def _wrapped(words: Sequence[str], length: int) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > length:
            lines.append("")
        lines[-1] += f"{word} "
    return lines


def _clip(card: Image.Image, frames: int, seed: int | None) -> Iterator[Image.Image]:
    from PIL import ImageDraw

    width, height = card.size
    thick = max(2, height // 30)
    for number in range(frames):
        one = card.copy()
        filled = round((width - 1) * (number + 1) / frames)
        ImageDraw.Draw(one).rectangle((0, 0, filled, thick), fill=_color(seed))
        yield one

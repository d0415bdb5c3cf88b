"""The mark on a free preview: everywhere, so that no crop escapes it, and faint, so that the
restoration can be judged through it.
"""

from __future__ import annotations

import math
import zlib
from itertools import count

from PIL import Image, ImageChops, ImageDraw, ImageFont

_TEXT = "REKINDLE  PREVIEW"
_ANGLE_DEGREES = 30
_TEXT_HEIGHT = 1 / 24
"""Of the longest side of the picture."""
_SMALLEST_TEXT = 10
_LINE_DISTANCE = 3.8
"""In text heights."""
_GAP = 2.4
"""Between one text and the next in a line, in text heights."""
_LETTERS = 0.30
_RIM = 0.24
"""Opacity of the white letters and of their black rim: one of the two shows on any ground."""


class Watermark:
    """The mark for pictures of one size, drawn once for all frames of a video."""

    def __init__(self, size: tuple[int, int], *, phase: int) -> None:
        """Draw it.

        Args:
            size: width and height of the pictures, in pixels.
            phase: where it sits, any number.
        """
        letters, rim = _stencils(size, phase=phase)
        self._letters = letters.point(lambda level: level * _LETTERS)
        self._rim = rim.point(lambda level: level * _RIM)

    def on(self, picture: Image.Image) -> Image.Image:
        """The RGB picture with the mark in it, a new image."""
        marked = picture.copy()
        marked.paste((0, 0, 0), mask=self._rim)
        marked.paste((255, 255, 255), mask=self._letters)
        return marked


def phase_of(picture: Image.Image) -> int:
    """Where the mark sits on a picture, or on a video that begins with it.

    The same picture gets the same mark, but every picture another position: a mark that always sits
    in one place can be computed from a handful of previews and subtracted.
    """
    return zlib.crc32(picture.tobytes())


def watermarked(picture: Image.Image) -> Image.Image:
    """The picture with the mark in it, a new image of the same size.

    Args:
        picture: RGB.
    """
    return Watermark(picture.size, phase=phase_of(picture)).on(picture)


def _stencils(size: tuple[int, int], *, phase: int) -> tuple[Image.Image, Image.Image]:
    """Where letters and rim go: two grey images of that size."""
    height = max(_SMALLEST_TEXT, round(max(size) * _TEXT_HEIGHT))
    side = math.ceil(math.hypot(*size))  # a square that covers the picture at any angle
    rim_width = max(1, round(height / 12))
    letters = _lines(side, height, phase, stroke=rim_width // 2)
    bold = _lines(side, height, phase, stroke=rim_width // 2 + rim_width)
    return _turned(letters, size), _turned(ImageChops.subtract(bold, letters), size)


def _lines(side: int, height: int, phase: int, *, stroke: int) -> Image.Image:
    """A square full of lines of text, each shifted against the one above."""
    font = ImageFont.load_default(height)
    step = round(font.getlength(_TEXT) + _GAP * height)
    square = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(square)
    line_step = round(height * _LINE_DISTANCE)
    top = -(phase % line_step)
    for line in count():
        y = top + line * line_step
        if y >= side:
            return square
        left = -((phase // line_step + line * step * 2 // 5) % step)
        for x in range(left, side, step):
            draw.text((x, y), _TEXT, fill=255, font=font, stroke_width=stroke)
    return square


def _turned(square: Image.Image, size: tuple[int, int]) -> Image.Image:
    turned = square.rotate(_ANGLE_DEGREES, Image.Resampling.BICUBIC)
    left, top = ((square.width - side) // 2 for side in size)
    return turned.crop((left, top, left + size[0], top + size[1]))

"""How far a picture is from the known original, and the picture that shows it to a person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deploy.demo.aging import RGB

_GAP = 24
_LABEL = 56
_PAPER = (247, 246, 243)
_INK = (40, 38, 36)


def psnr(picture: RGB, original: RGB) -> float:
    """Peak signal-to-noise ratio of a picture against the known original, in dB.

    A picture of another size is brought to the original's size first, by averaging areas, so that
    a larger restoration is judged by what it shows and not by its size.

    Args:
        picture: height x width x 3, uint8 sRGB.
        original: what it ought to look like, height x width x 3, uint8 sRGB.

    Returns:
        The ratio; infinite when both are the same.
    """
    difference = _sized(picture, original).astype(np.float64) - original
    error = float(np.mean(difference**2))
    return float("inf") if error == 0.0 else float(10.0 * np.log10(255.0**2 / error))


def before_after(aged: RGB, restored: RGB, original: RGB, path: Path) -> None:
    """Write the three side by side, each under its label and in the restored one's height.

    Args:
        aged: the photo as it was sent in.
        restored: what came back.
        original: what it ought to look like.
        path: ends in `.jpg` or `.png`; its folder exists.
    """
    height = restored.shape[0]
    panels = (("The old print", aged), ("Restored", restored), ("The good photo", original))
    pictures = [_of_height(picture, height) for _, picture in panels]
    width = sum(picture.shape[1] for picture in pictures) + _GAP * (len(pictures) + 1)
    sheet = Image.new("RGB", (width, height + _LABEL + _GAP), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=28)
    left = _GAP
    for (label, _), picture in zip(panels, pictures, strict=True):
        pen.text((left, _LABEL // 2), label, fill=_INK, font=font, anchor="lm")
        sheet.paste(Image.fromarray(picture), (left, _LABEL))
        left += picture.shape[1] + _GAP
    sheet.save(path, quality=92)


def _sized(picture: RGB, like: RGB) -> RGB:
    if picture.shape == like.shape:
        return picture
    return _resized(picture, like.shape[1], like.shape[0])


def _of_height(picture: RGB, height: int) -> RGB:
    if picture.shape[0] == height:
        return picture
    return _resized(picture, max(1, round(picture.shape[1] * height / picture.shape[0])), height)


def _resized(picture: RGB, width: int, height: int) -> RGB:
    smaller = width < picture.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(picture, (width, height), interpolation=method).astype(np.uint8)

"""Photos to be restored, and one that is as large as the API takes."""

from pathlib import Path

import numpy as np
from PIL import Image

from deploy.demo.aging import sample_photo

LARGE_MB = 50
"""MB of 1024 * 1024 bytes that the large photo has, at most."""
_SIDE = 4175
"""Of a square of noise that is just below that: three bytes a pixel, nothing to compress."""


def write_photo(target: Path, pixels: int) -> None:
    """Write a square photo as PNG.

    Args:
        target: the file.
        pixels: its side.
    """
    picture = Image.fromarray(sample_photo()).resize((pixels, pixels))
    picture.save(target, compress_level=1)


def write_large_photo(target: Path) -> None:
    """Write a photo of just under `LARGE_MB`, always the same, as PNG."""
    noise = np.random.default_rng(1).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(target, compress_level=0)

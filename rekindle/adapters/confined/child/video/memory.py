"""How much address space reading a video may take, whatever its length."""

from __future__ import annotations

_MIB = 1024 * 1024

_BASE_BYTES = 384 * _MIB
"""For the interpreter and the libraries (130 MiB), stacks of threads, the encoder's look-ahead at
the size of a preview (90 MiB), and the index of a clip."""

_BYTES_PER_PIXEL = 72
"""Frames that the decoder keeps for reference (up to 16, of 1.5 bytes a pixel; 3 where a pixel has
more bits, 6 where no colour is left out either), those in the hands of its threads, and one scaled.

Measured at 5120 x 2816, above the base: H.264 of 8-bit 4:2:0 with one reference frame 6, with 16 of
them 14, HEVC with 8 of them 7; H.264 of 10-bit 4:4:4 with 16 of them 68.
"""


def memory_for(pixels: int) -> int:
    """Address space for a video, in bytes.

    Args:
        pixels: width x height of a frame.
    """
    return _BASE_BYTES + _BYTES_PER_PIXEL * pixels

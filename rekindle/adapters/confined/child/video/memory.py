"""How much address space reading a video may take, whatever its length."""

from __future__ import annotations

_MIB = 1024 * 1024

_BASE_BYTES = 512 * _MIB
"""For the interpreter and the libraries (120 MiB), stacks of threads, the encoder's look-ahead at
the size of a preview, and the index of a clip."""

_BYTES_PER_PIXEL = 64
"""Frames that the decoder keeps for reference (up to 16, of 1.5 bytes a pixel; 3 where a pixel has
more bits or no colour is left out), those in the hands of its threads, and one as RGB."""


def memory_for(pixels: int) -> int:
    """Address space for a video, in bytes.

    Args:
        pixels: width x height of a frame.
    """
    return _BASE_BYTES + _BYTES_PER_PIXEL * pixels

"""Short words for declaring inputs: ``integer("width", 512, 1, 16384)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulators.comfyui.nodes.declare import MAX_RESOLUTION, MAX_SEED, Input, Options, Surroundings


def socket(name: str, kind: str, *, required: bool = True) -> Input:
    """An input that is linked, such as an IMAGE or a MODEL."""
    return Input(name, kind, {}, required)


def image(name: str = "image", *, required: bool = True) -> Input:
    """A batch of pictures."""
    return socket(name, "IMAGE", required=required)


def mask(name: str = "mask", *, required: bool = True) -> Input:
    """A batch of masks."""
    return socket(name, "MASK", required=required)


def integer(
    name: str, default: int | None = None, low: int = 0, high: int = 0, **more: Any
) -> Input:
    """A whole number between ``low`` and ``high``, both allowed."""
    return Input(name, "INT", _range(default, low, high) | more)


def real(
    name: str, default: float | None = None, low: float = 0.0, high: float = 1.0, **more: Any
) -> Input:
    """A number between ``low`` and ``high``, both allowed."""
    return Input(name, "FLOAT", _range(default, low, high) | more)


def size(name: str, default: int = 512, low: int = 1, **more: Any) -> Input:
    """A width, height or offset in pixels."""
    return integer(name, default, low, MAX_RESOLUTION, **({"step": 1} | more))


def seed(name: str = "seed") -> Input:
    """A random seed of 64 bits."""
    return integer(name, 0, 0, MAX_SEED, control_after_generate=True)


def text(name: str, default: str | None = None, **more: Any) -> Input:
    """A string."""
    known = {} if default is None else {"default": default}
    return Input(name, "STRING", known | more)


def flag(name: str, default: bool | None = None) -> Input:
    """A truth value."""
    return Input(name, "BOOLEAN", {} if default is None else {"default": default})


def choice(
    name: str, options: Sequence[str] | Options, *, required: bool = True, **config: Any
) -> Input:
    """One of fixed options, or of options listed at the time of asking."""
    return Input(name, "COMBO", config, required, options)


def model_file(name: str, folder: str, *extra: str) -> Input:
    """The name of a model file in ``folder``; ``extra`` names are always listed, at the end."""

    def listed(around: Surroundings) -> list[str]:
        return [*around.shelf.names(folder), *extra]

    return Input(name, "COMBO", {}, True, listed, folder)


def _range(default: float | None, low: float, high: float) -> dict[str, Any]:
    known = {} if default is None else {"default": default}
    return {**known, "min": low, "max": high}

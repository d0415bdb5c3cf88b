"""Stand-ins for the values that travel between model nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulators.comfyui.nodes.arrays import Array


@dataclass(frozen=True)
class Weights:
    """A model, text encoder, VAE, LoRA or upscaler, known only by its file name."""

    name: str


@dataclass(frozen=True)
class Conditioning:
    """A prompt, of which only the reference picture is kept."""

    picture: Array | None = None

    def showing(self, picture: Array | None) -> Conditioning:
        """The same with a reference picture; an earlier one stays when none is given."""
        return self if picture is None else Conditioning(picture)


@dataclass(frozen=True)
class Latent:
    """A latent, known by the pixels it will decode to.

    Attributes:
        width: Decoded width in pixels.
        height: Decoded height in pixels.
        frames: Decoded pictures of one clip; 1 for stills.
        batch: Clips or stills.
        picture: First picture of what was encoded, shape (height, width, channels).
        seed: Seed of the last sampler that touched it; None when none did.
    """

    width: int
    height: int
    frames: int = 1
    batch: int = 1
    picture: Array | None = None
    seed: int | None = None

    def sampled(self, seed: int, positive: Conditioning) -> Latent:
        """What a sampler makes of it; a reference picture stands in for an empty latent."""
        picture = self.picture if self.picture is not None else positive.picture
        return replace(self, seed=seed, picture=picture)


@dataclass(frozen=True)
class Sigmas:
    """A noise schedule, known by its number of steps."""

    steps: int


def first(images: Array | None) -> Array | None:
    """The first picture of a batch, or None without one."""
    return None if images is None or len(images) == 0 else images[0]


def encoded(pixels: Array, multiple: int = 8) -> Latent:
    """A latent of a batch of stills; like a VAE it cuts the sides to a multiple."""
    batch, height, width = pixels.shape[:3]
    size = (max(width // multiple, 1) * multiple, max(height // multiple, 1) * multiple)
    return Latent(*size, batch=batch, picture=first(pixels))

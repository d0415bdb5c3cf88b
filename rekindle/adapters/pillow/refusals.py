"""What a person is told about a photo that cannot be used."""

from __future__ import annotations

from rekindle.adapters.confined.child.report import Refusal, Refused
from rekindle.errors import (
    AnimatedPhoto,
    DamagedPhoto,
    PhotoError,
    TooManyPixels,
    UnsupportedPhotoType,
)
from rekindle.ports.photos import PhotoLimits

_ERRORS: dict[Refusal, tuple[type[PhotoError], str | None]] = {
    Refusal.UNSUPPORTED: (UnsupportedPhotoType, None),
    Refusal.DAMAGED: (DamagedPhoto, None),
    Refusal.FATAL: (DamagedPhoto, None),
    Refusal.TOO_SLOW: (DamagedPhoto, "The photo takes too long to read; it may be damaged."),
    Refusal.ANIMATED: (AnimatedPhoto, None),
    Refusal.TOO_LONG: (AnimatedPhoto, None),
    Refusal.TOO_MANY_PIXELS: (
        TooManyPixels,
        "The photo has more than the allowed {0.max_pixels:,} pixels.",
    ),
    Refusal.SIDE_TOO_LONG: (
        TooManyPixels,
        "A side of the photo is longer than the allowed {0.max_side:,} pixels.",
    ),
    Refusal.OUT_OF_MEMORY: (
        TooManyPixels,
        "The photo needs more memory than a photo of its size may.",
    ),
}


def photo_error(refused: Refused, limits: PhotoLimits) -> PhotoError:
    """The input error for a refusal; the decoder's own words are a note, for the log only."""
    error_type, sentence = _ERRORS[refused.refusal]
    error = error_type(sentence and sentence.format(limits))
    if refused.note:
        error.add_note(refused.note)
    return error

"""Styles of a picture, as data: what each adds to a prompt, and what it keeps away. Pure.

A pack takes a style by its name, so that the name is what is recorded; `bind` puts the words where
the pack's manifest says. Words go behind the prompt of the person, who is understood first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

StylePart = Literal["wanted", "unwanted"]


class Style(StrEnum):
    """How a picture is to look."""

    NONE = "none"
    PHOTO = "photo"
    VINTAGE_PHOTO = "vintage_photo"
    FILM = "film"
    WATERCOLOUR = "watercolour"
    OIL_PAINTING = "oil_painting"
    PENCIL = "pencil"
    INK = "ink"
    STORYBOOK = "storybook"
    POSTER = "poster"


@dataclass(frozen=True)
class StyleWords:
    """What a style says to a model.

    Attributes:
        wanted: added to the prompt.
        unwanted: added to what the picture shall not be.
    """

    wanted: str = ""
    unwanted: str = ""

    def words(self, part: StylePart) -> str:
        """One part of it."""
        return self.wanted if part == "wanted" else self.unwanted


STYLES: Mapping[str, StyleWords] = MappingProxyType(
    {
        Style.NONE: StyleWords(),
        Style.PHOTO: StyleWords(
            "A photograph: natural light, true colours, fine detail, shallow depth of field.",
            "painting, drawing, cartoon, plastic skin, oversaturated",
        ),
        Style.VINTAGE_PHOTO: StyleWords(
            "A photograph of the 1930s: silver gelatin print, soft contrast, gentle grain, sepia.",
            "modern clothes, modern objects, neon colours, digital look",
        ),
        Style.FILM: StyleWords(
            "A frame of a film: wide shot, low sun, colour negative film, slight grain.",
            "flat light, cartoon, text, subtitles",
        ),
        Style.WATERCOLOUR: StyleWords(
            "A watercolour on cold-pressed paper: loose washes, soft edges, white left open.",
            "photograph, hard outlines, glossy",
        ),
        Style.OIL_PAINTING: StyleWords(
            "An oil painting on canvas: visible brush strokes, rich shadows, warm light.",
            "photograph, flat colours, line art",
        ),
        Style.PENCIL: StyleWords(
            "A graphite pencil drawing on cream paper: hatching, fine lines, no colour.",
            "colour, photograph, glossy",
        ),
        Style.INK: StyleWords(
            "A pen and ink drawing: confident black lines, cross-hatching, white paper.",
            "colour, photograph, blur",
        ),
        Style.STORYBOOK: StyleWords(
            "An illustration of a picture book: friendly shapes, gouache, warm and bright.",
            "photograph, horror, gloomy",
        ),
        Style.POSTER: StyleWords(
            "A travel poster of the 1930s: flat colours, bold shapes, strong composition.",
            "photograph, clutter, tiny detail, text",
        ),
    }
)
"""Every style by its name."""

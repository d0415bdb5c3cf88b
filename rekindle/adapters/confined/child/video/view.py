"""How a player shows the frames of a clip: upright, with square pixels."""

from __future__ import annotations

from dataclasses import dataclass

from av.video.frame import VideoFrame
from PIL import Image

from ..report import Refusal, Refused, Size
from .reading import Clip, check_size

_TURNS = {
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class View:
    """What the file says about the way to show its frames.

    Attributes:
        stored: size of a frame with square pixels, before it is turned.
        quarter_turns: how often a frame is turned to the left by 90 degrees, 0 to 3.
    """

    stored: Size
    quarter_turns: int

    @property
    def shown(self) -> Size:
        """Size of a frame as a player shows it."""
        return self._turned(self.stored)

    def small(self, longest_side: int) -> Size:
        """A size of the same shape for 4:2:0 video: even sides, none longer than that.

        Never larger than `shown`, except that no side is below 2.
        """
        shown = self.shown
        scale = min(1.0, longest_side / max(shown.width, shown.height))
        if scale == 1:
            return Size(_even(shown.width // 2), _even(shown.height // 2))
        return Size(_even(shown.width * scale / 2), _even(shown.height * scale / 2))

    def picture(self, frame: VideoFrame, size: Size) -> Image.Image:
        """The frame as it is shown, scaled to a size, RGB."""
        scaled = self._turned(size)
        pixels = frame.reformat(
            scaled.width,
            scaled.height,
            "rgb24",
            interpolation="AREA",
            threads=1,
        )
        picture: Image.Image = pixels.to_image()  # type: ignore[no-untyped-call]
        turn = _TURNS.get(self.quarter_turns)
        return picture if turn is None else picture.transpose(turn)

    def _turned(self, size: Size) -> Size:
        return Size(size.height, size.width) if self.quarter_turns % 2 else size


def view_of(frame: VideoFrame, clip: Clip) -> View:
    """How the clip is shown.

    Args:
        frame: its first.
        clip: whose frame it is.

    Raises:
        Refused: it would be shown larger than the limits allow.
    """
    width, height = clip.stored.width, clip.stored.height
    aspect = clip.stream.sample_aspect_ratio or 1
    if not 0.01 <= aspect <= 100:
        raise Refused(Refusal.DAMAGED, f"pixels of {aspect}")
    # The longer way, so that no row or column is lost.
    size = (
        Size(round(width * aspect), height) if aspect > 1 else Size(width, round(height / aspect))
    )
    check_size(size.width, size.height, clip.order)
    turns = frame.rotation / 90
    return View(size, int(turns) % 4 if turns.is_integer() else 0)


def _even(half: float) -> int:
    return max(2, round(half) * 2)

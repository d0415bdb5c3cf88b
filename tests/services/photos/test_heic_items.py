"""HEICs whose items are put together in odd ways: overlays, grids and masks that lie (SEC-U7)."""

import struct
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import pytest

from rekindle.errors import PhotoError
from rekindle.ports.photos import IngestedPhoto

Ingest = Callable[[bytes], Awaitable[IngestedPhoto]]

PROCESSOR_SECONDS = 5
"""More than any of them takes; an honest photo of this size takes 0.1."""

SIZE = (700, 500)
TILES = 6


class Heic:
    """A grid of six tiles, as phones write them; item 1 is the grid, items 2 to 7 are its tiles."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        assert self.content.count(b"grid") == 1
        assert self.content.count(b"dimg") == 1

    def become(self, kind: bytes, data: bytes) -> None:
        """Item 1 is of another kind, with this for its data, behind everything else."""
        at = self.content.index(b"grid")
        self.content[at : at + 4] = kind
        self.content += struct.pack(">I4s", 8 + len(data), b"mdat")
        item = self.content.index(b"iloc") + 4 + 4 + 2 + 2
        number, method, _, _, extents = struct.unpack_from(">HHHIH", self.content, item)
        assert (number, method, extents) == (1, 1, 1)  # one piece, inside `idat`
        place = (1, 0, 0, 0, 1, len(self.content), len(data))  # now: one piece, inside the file
        struct.pack_into(">HHHIHII", self.content, item, *place)
        self.content += data

    def tiles_become(self, kind: bytes, count: int = TILES) -> None:
        """So many of the tiles are of another kind."""
        for _ in range(count):
            at = self.content.index(b"hvc1")
            self.content[at : at + 4] = kind

    def refer_to(self, *items: int) -> None:
        """What the whole is made of, in place of its six tiles."""
        assert len(items) == TILES
        struct.pack_into(f">{TILES}H", self.content, self.content.index(b"dimg") + 8, *items)


def overlay(width: int, height: int, *places: tuple[int, int]) -> bytes:
    """An overlay on a canvas of that size, its layers at these places."""
    head = struct.pack(">BB4HII", 0, 1, 0, 0, 0, 0xFFFF, width, height)
    return head + b"".join(struct.pack(">ii", *place) for place in places)


def grid(rows: int, columns: int, width: int, height: int) -> bytes:
    return struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)


IN_ROWS = [(256 * (n % 3), 256 * (n // 3)) for n in range(TILES)]


def honest_grid(heic: Heic) -> None:
    """As it was, but its data lies elsewhere: what is refused below is refused for its content."""
    heic.become(b"grid", grid(2, 3, *SIZE))


def honest_overlay(heic: Heic) -> None:
    heic.become(b"iovl", overlay(*SIZE, *IN_ROWS))


def overlay_of_a_huge_canvas(heic: Heic) -> None:
    heic.become(b"iovl", overlay(2**31 - 1, 2**31 - 1, *IN_ROWS))


def overlay_beside_its_canvas(heic: Heic) -> None:
    far = [(-(2**31), 2**31 - 1), (2**31 - 1, -(2**31)), *IN_ROWS[2:]]
    heic.become(b"iovl", overlay(*SIZE, *far))


def overlay_that_ends_early(heic: Heic) -> None:
    heic.become(b"iovl", overlay(*SIZE, *IN_ROWS)[:-7])


def overlay_of_itself(heic: Heic) -> None:
    heic.become(b"iovl", overlay(*SIZE, *IN_ROWS))
    heic.refer_to(1, 1, 1, 1, 1, 1)


def overlay_of_one_tile_again_and_again(heic: Heic) -> None:
    heic.become(b"iovl", overlay(*SIZE, *IN_ROWS))
    heic.refer_to(2, 2, 2, 2, 2, 2)


def grid_of_itself(heic: Heic) -> None:
    heic.refer_to(1, 1, 1, 1, 1, 1)


def grid_of_more_tiles_than_there_are(heic: Heic) -> None:
    heic.become(b"grid", grid(256, 256, *SIZE))


def grid_of_a_huge_picture(heic: Heic) -> None:
    heic.become(b"grid", grid(2, 3, 2**31 - 1, 2**31 - 1))


def grid_of_tiles_that_are_not_there(heic: Heic) -> None:
    heic.refer_to(2, 3, 4, 5, 6, 0xFFFF)


def mask_for_a_picture(heic: Heic) -> None:
    heic.become(b"mski", bytes(4096))


def masks_for_tiles(heic: Heic) -> None:
    heic.tiles_become(b"mski")


REFUSED = (
    # An honest one too: pillow_heif reads no overlay.
    honest_overlay,
    overlay_of_a_huge_canvas,
    overlay_beside_its_canvas,
    overlay_of_itself,
    overlay_of_one_tile_again_and_again,
    overlay_that_ends_early,
    grid_of_itself,
    grid_of_a_huge_picture,
    grid_of_more_tiles_than_there_are,
    grid_of_tiles_that_are_not_there,
    mask_for_a_picture,
    masks_for_tiles,
)


@cache
def _of_tiles(corpus: Any) -> bytes:
    """Encoding it takes longer than any test here."""
    return bytes(corpus.encoded(corpus.picture(*SIZE), "HEIF", tile_size=256, quality=50))


Outcome = Callable[[Callable[[Heic], None]], Awaitable[str]]


@pytest.fixture
def outcome(corpus: Any, ingest: Ingest, processor_seconds: Callable[[], float]) -> Outcome:
    """What becomes of a photo that was changed so."""

    async def outcome(change: Callable[[Heic], None]) -> str:
        heic = Heic(_of_tiles(corpus))
        change(heic)
        before = processor_seconds()
        try:
            photo = await ingest(bytes(heic.content))
        except PhotoError as error:
            code = error.code
        else:
            code = "read"
            assert (photo.working.width, photo.working.height) == SIZE
        assert processor_seconds() - before < PROCESSOR_SECONDS
        return code

    return outcome


async def test_a_grid_is_read_wherever_its_data_lies(outcome: Outcome) -> None:
    assert await outcome(honest_grid) == "read"


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
async def test_what_is_put_together_oddly_is_refused_at_little_cost(
    change: Callable[[Heic], None], outcome: Outcome
) -> None:
    assert await outcome(change) in {"damaged_photo", "too_many_pixels"}

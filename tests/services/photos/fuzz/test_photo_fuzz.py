"""Broken photos without end: each is read or refused, and nothing and nobody is harmed (SEC-U8).

`REKINDLE_MUTANTS=20000 pytest tests/services/photos/fuzz` for a long run, and
`REKINDLE_FIRST_MUTANT=1000000` for other ones.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from rekindle.adapters.confined.child.order import Decoder
from rekindle.adapters.confined.template import PROGRAM, Template
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.errors import PhotoError
from rekindle.ports.photos import ImageFile, PhotoLimits
from tests.services.photos.fuzz.conftest import Measured
from tests.services.photos.fuzz.mutations import mutant
from tests.services.photos.fuzz.seeds import seeds

MUTANTS = int(os.environ.get("REKINDLE_MUTANTS", "500"))
FIRST = int(os.environ.get("REKINDLE_FIRST_MUTANT", "0"))
ALONE = 20
"""So many are also read by children of a template of their own."""

MOST_PROCESSOR_SECONDS = 10
"""Of one child; the limit of the product is 30. The slowest of 20,000 took 2."""

PATIENT = PhotoLimits(timeout_seconds=200, queue_seconds=600 + MUTANTS)


class Fuzzing:
    """Reads mutants, each in a folder of its own."""

    def __init__(self, decoder: PillowPhotoDecoder, folder: Path) -> None:
        self._decoder = decoder
        self._folder = folder
        self._seeds = list(seeds().values())

    async def outcome(self, number: int) -> str:
        """`read`, or the code of the refusal; any other error is a fault and ends the test."""
        room = self._folder / str(number)
        room.mkdir()
        source = room.with_suffix(".upload")
        source.write_bytes(mutant(number, self._seeds))
        try:
            photo = await self._decoder.ingest(source, room)
        except PhotoError as refusal:
            code, status = refusal.code, refusal.status
        else:
            code, status = "read", 201
            _check(photo.working)
            photo.working.path.unlink()
        source.unlink()
        room.rmdir()  # which fails if anything else was left in it
        assert status in {201, 413, 415, 422}, number
        return code

    async def outcomes(self, numbers: range) -> dict[int, str]:
        """Of each, several at once as the decoder's limits allow."""
        found = await asyncio.gather(*(self.outcome(number) for number in numbers))
        return dict(zip(numbers, found, strict=True))


def _check(working: ImageFile) -> None:
    """It is what graphs are given: a whole plain PNG of our own."""
    with Image.open(working.path, formats=["PNG"]) as picture:
        picture.load()
        assert (picture.mode, picture.size) == ("RGB", (working.width, working.height))
        assert picture.info == {}
    assert working.width * working.height <= PATIENT.max_pixels


def _kinds(outcomes: dict[int, str]) -> Counter[str]:
    return Counter(outcomes.values())


@pytest.mark.slow
@pytest.mark.timeout(600 + MUTANTS)
async def test_broken_photos_are_read_or_refused_and_nothing_remains(
    measured: Measured, tmp_path: Path
) -> None:
    decoder = PillowPhotoDecoder(PATIENT, template=measured.template)
    numbers = range(FIRST, FIRST + MUTANTS)
    outcomes = await Fuzzing(decoder, tmp_path).outcomes(numbers)

    assert list(tmp_path.iterdir()) == []
    assert measured.begun() == sum(outcome != "empty_photo" for outcome in outcomes.values())
    seconds = measured.processor_seconds()
    assert seconds[-1] < MOST_PROCESSOR_SECONDS
    assert len(seconds) > measured.begun() * 0.98  # a crash is a refusal, but never a common one
    # The faults reached more than one layer.
    assert {"read", "damaged_photo", "unsupported_photo_type"} <= set(outcomes.values())
    print(_kinds(outcomes), "crashed:", measured.begun() - len(seconds), "slowest:", seconds[-3:])


@pytest.mark.slow
async def test_children_that_share_nothing_say_the_same(tmp_path: Path) -> None:
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    numbers = range(FIRST, FIRST + ALONE)
    expected = await Fuzzing(PillowPhotoDecoder(PATIENT), together).outcomes(numbers)

    template = Template(PROGRAM, Decoder.PHOTO, most_children=1)
    decoder = PillowPhotoDecoder(PATIENT, template=template)
    assert await Fuzzing(decoder, alone).outcomes(numbers) == expected
    template.close()


async def test_what_the_faults_are_put_into_is_read_or_refused_as_it_should_be(
    measured: Measured, tmp_path: Path
) -> None:
    decoder = PillowPhotoDecoder(PATIENT, template=measured.template)
    source = tmp_path / "upload"
    found, expected = {}, {}
    for name, content in seeds().items():
        source.write_bytes(content)
        expected[name] = "animated_photo" if "animated" in name else name.split(" ")[0]
        try:
            found[name] = str((await decoder.ingest(source, tmp_path)).format)
        except PhotoError as error:
            found[name] = error.code
    assert found == expected

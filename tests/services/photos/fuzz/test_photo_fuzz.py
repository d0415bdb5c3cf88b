"""Broken photos without end: each is read or refused, and nothing and nobody is harmed (SEC-U8).

`REKINDLE_MUTANTS=20000 pytest tests/services/photos/fuzz` for a long run, and
`REKINDLE_FIRST_MUTANT=1000000` for other ones.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path

import psutil
import pytest
from PIL import Image

from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.errors import PhotoError
from rekindle.ports.photos import ImageFile, PhotoLimits
from tests.services.photos.fuzz.conftest import Nursery
from tests.services.photos.fuzz.mutations import mutant
from tests.services.photos.fuzz.seeds import seeds

MUTANTS = int(os.environ.get("REKINDLE_MUTANTS", "500"))
FIRST = int(os.environ.get("REKINDLE_FIRST_MUTANT", "0"))
AS_IN_PRODUCTION = 40
"""So many are read by children that were started as the product starts them; see nursery.py."""

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
    nursery: Nursery, tmp_path: Path
) -> None:
    decoder = PillowPhotoDecoder(PATIENT, program=nursery.program)
    numbers = range(FIRST, FIRST + MUTANTS)
    outcomes = await Fuzzing(decoder, tmp_path).outcomes(numbers)

    assert list(tmp_path.iterdir()) == []
    assert len(nursery.processor_seconds()) == sum(
        outcome != "empty_photo" for outcome in outcomes.values()
    )
    assert max(nursery.processor_seconds()) < MOST_PROCESSOR_SECONDS
    # The faults reached more than one layer.
    assert {"read", "damaged_photo", "unsupported_photo_type"} <= set(outcomes.values())
    print(_kinds(outcomes), "slowest:", sorted(nursery.processor_seconds())[-3:])


@pytest.mark.slow
async def test_children_started_as_in_production_say_the_same(
    nursery: Nursery, tmp_path: Path
) -> None:
    quick, real = tmp_path / "quick", tmp_path / "real"
    quick.mkdir()
    real.mkdir()
    numbers = range(FIRST, FIRST + AS_IN_PRODUCTION)
    decoder = PillowPhotoDecoder(PATIENT, program=nursery.program)

    expected = await Fuzzing(decoder, quick).outcomes(numbers)
    assert await Fuzzing(PillowPhotoDecoder(PATIENT), real).outcomes(numbers) == expected

    below = psutil.Process().children(recursive=True)
    assert not [child for child in below if str(real) in " ".join(_command(child))]


async def test_what_the_faults_are_put_into_is_read_or_refused_as_it_should_be(
    nursery: Nursery, tmp_path: Path
) -> None:
    decoder = PillowPhotoDecoder(PATIENT, program=nursery.program)
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


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []

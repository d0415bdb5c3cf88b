"""The parent's side of photos."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rekindle.adapters.confined.template import Template
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.errors import (
    DamagedPhoto,
    DecoderBusy,
    EmptyPhoto,
    PhotoTooLarge,
    ResultUnreadable,
    TooManyPixels,
)
from rekindle.ports.photos import PhotoDecoder, PhotoLimits
from tests.unit.confined.decoder_contract import (
    HANG,
    START,
    Children,
    DecoderContract,
    Read,
    until_ready,
)

PHOTO = b"what a person uploaded"

DONE = """
open(order["working"], "wb").write(b"\\x89PNG\\r\\n\\x1a\\n...")
size = {"width": 3, "height": 2}
print(json.dumps({"done": {"format": "jpeg", "stored": size, "written": [size]}}))
"""

Make = Callable[..., PillowPhotoDecoder]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo"
    path.write_bytes(PHOTO)
    return path


@pytest.fixture
def make(template: Template, program: Path) -> Make:
    """Makes a decoder whose children do as the given Python text says."""

    def make(text: str, limits: PhotoLimits | None = None) -> PillowPhotoDecoder:
        program.write_text(text)
        return PillowPhotoDecoder(limits, template=template)

    return make


class TestPhotos(DecoderContract):
    unreadable = DamagedPhoto
    too_slow = "takes too long"
    output = "working"

    @pytest.fixture
    def reading(self, make: Make, photo: Path, into: Path) -> Read:
        def reading(text: str, **limits: Any) -> Callable[[], Awaitable[object]]:
            decoder = make(text, PhotoLimits(**limits))
            return lambda: decoder.ingest(photo, into)

        return reading


def test_parent_never_imports_pillow() -> None:
    code = "import sys, rekindle.adapters.pillow; print({'PIL', 'pillow_heif'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_decoder_satisfies_the_port(make: Make) -> None:
    decoder: PhotoDecoder = make("")
    assert decoder


async def test_result_is_moved_into_place_and_nothing_else_stays(
    make: Make, photo: Path, into: Path
) -> None:
    ingested = await make(START + DONE).ingest(photo, into)

    assert ingested.working.path == into / "working.png"
    assert [path.name for path in into.iterdir()] == ["working.png"]
    assert (ingested.working.width, ingested.working.height) == (3, 2)
    assert ingested.size_bytes == len(PHOTO)
    # pragma: allowlist nextline secret
    assert ingested.sha256 == "eed7973cf8c968ce61875d4d8d1ec74d78aeba1e342a589fc41dbf68d0e2fe8c"


async def test_child_gets_the_photo_and_no_environment(
    make: Make, photo: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "canary")
    seen = into.parent / "seen.json"
    spy = f"""
with open({str(seen)!r}, "w") as file:
    file.write(json.dumps([sys.stdin.read(), dict(os.environ), sys.argv, os.getcwd()]))
"""
    await make(START + spy + DONE).ingest(photo, into)

    text, environment, arguments, directory = json.loads(seen.read_text())
    assert text.encode() == PHOTO
    assert set(environment) <= {"LC_CTYPE"}  # which Python sets itself in the C locale
    assert str(photo) not in " ".join(arguments)
    assert directory == "/"


async def test_empty_file_is_refused_without_a_child(make: Make, photo: Path, into: Path) -> None:
    photo.write_bytes(b"")
    with pytest.raises(EmptyPhoto):
        await make("raise SystemExit('started')").ingest(photo, into)


async def test_one_byte_too_many_is_refused_without_a_child(
    make: Make, photo: Path, into: Path
) -> None:
    limits = PhotoLimits(max_bytes=5 * 1024 * 1024)
    with photo.open("wb") as file:
        file.truncate(limits.max_bytes + 1)
    with pytest.raises(PhotoTooLarge, match="5 MB"):
        await make("raise SystemExit('started')", limits).ingest(photo, into)


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.abort()",
        "sys.exit(3)",
        "print('{}')",
        "print('not json')",
        "print('x' * 10_000_000)",
        "print(json.dumps({'done': {'format': 'exe', 'stored': {}, 'written': []}}))",
        DONE.replace("[size]", "[]"),
        DONE.replace("[size]", "[size, size]"),
        DONE.replace("\\x89PNG", "<html>"),
    ],
)
async def test_child_that_dies_or_lies_means_a_damaged_photo(
    make: Make, photo: Path, into: Path, end: str
) -> None:
    with pytest.raises(DamagedPhoto):
        await make(START + end).ingest(photo, into)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("refusal", ["too_many_pixels", "side_too_long", "out_of_memory"])
async def test_refusals_of_size_name_the_limit_but_not_the_decoder(
    make: Make, photo: Path, into: Path, refusal: str
) -> None:
    report = {"refused": refusal, "note": "vendor words about /secret/path"}
    with pytest.raises(TooManyPixels) as refused:
        await make(START + f"print({json.dumps(report)!r})").ingest(photo, into)

    assert "vendor" not in refused.value.public_detail
    assert refused.value.__notes__ == ["vendor words about /secret/path"]


async def test_child_that_does_not_get_going_in_time_means_busy(
    make: Make, photo: Path, into: Path, children: Children
) -> None:
    with pytest.raises(DecoderBusy):
        await make("import signal; signal.pause()", PhotoLimits(timeout_seconds=0.1)).ingest(
            photo, into
        )
    assert children() == []


async def test_a_turn_comes_back_after_success_failure_and_cancellation(
    make: Make, photo: Path, into: Path
) -> None:
    limits = PhotoLimits(children=1, queue_seconds=0.05)
    decoder = make(START + HANG, limits)
    hanging = asyncio.create_task(decoder.ingest(photo, into))
    await until_ready(into)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)

    make(START + "sys.exit(1)")  # rewrites the program of the same decoder
    with pytest.raises(DamagedPhoto):
        await decoder.ingest(photo, into)
    make(START + DONE)
    await decoder.ingest(photo, into)
    await decoder.ingest(photo, into)


async def test_master_that_ends_the_child_is_an_unreadable_result(
    make: Make, photo: Path, into: Path
) -> None:
    with pytest.raises(ResultUnreadable):
        await make(START + "os.abort()").derive(photo, into)
    assert list(into.iterdir()) == []

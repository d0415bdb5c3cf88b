"""Photos made on the spot, and the real decoder with its real children."""

import resource
import struct
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import psutil
import pytest
from PIL import Image

from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.ports.photos import IngestedPhoto, PhotoLimits

pillow_heif.register_heif_opener()

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Corpus:
    """Small photos of every kind, as the bytes of a file."""

    @staticmethod
    def picture(width: int = 96, height: int = 64, seed: int = 7) -> Image.Image:
        """An RGB picture that looks different from every side: red corner, blue edge, noise."""
        rng = np.random.default_rng(seed)
        pixels = rng.integers(90, 110, (height, width, 3), dtype=np.uint8)
        pixels[: height // 2, : width // 2] = (220, 30, 30)
        pixels[-height // 4 :, :] = (30, 30, 220)
        return Image.fromarray(pixels)

    @staticmethod
    def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
        """The picture as a file; `kind` is Pillow's name of the format."""
        file = BytesIO()
        picture.save(file, kind, **options)
        return file.getvalue()

    @staticmethod
    def chunk(kind: bytes, data: bytes = b"") -> bytes:
        """One PNG chunk."""
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    @classmethod
    def png(cls, width: int, height: int, depth: int, colour: int, *chunks: bytes) -> bytes:
        """A PNG of zeros, with further chunks before its data."""
        channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
        row = 1 + (width * channels * depth + 7) // 8
        deflate = zlib.compressobj(9)
        data = b"".join(deflate.compress(bytes(row)) for _ in range(height)) + deflate.flush()
        header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
        parts = [cls.chunk(b"IHDR", header), *chunks, cls.chunk(b"IDAT", data), cls.chunk(b"IEND")]
        return PNG_SIGNATURE + b"".join(parts)

    @classmethod
    def every_format(cls) -> dict[str, bytes]:
        """One good photo of every accepted kind."""
        picture = cls.picture()
        return {
            "jpeg": cls.encoded(picture, "JPEG", quality=92),
            "progressive": cls.encoded(picture, "JPEG", progressive=True, quality=92),
            "png": cls.encoded(picture, "PNG"),
            "webp": cls.encoded(picture, "WEBP", quality=90),
            "lossless": cls.encoded(picture, "WEBP", lossless=True),
            "heic": cls.encoded(picture, "HEIF", quality=90),
        }


@pytest.fixture(scope="session")
def corpus() -> type[Corpus]:
    return Corpus


@pytest.fixture
def into(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    path.mkdir()
    return path


@pytest.fixture
def decoder() -> PillowPhotoDecoder:
    # With more time than in production: a busy machine is not a hostile photo.
    return PillowPhotoDecoder(PhotoLimits(timeout_seconds=120, queue_seconds=120))


Ingest = Callable[[bytes], Awaitable[IngestedPhoto]]


@pytest.fixture
def ingest(decoder: PillowPhotoDecoder, tmp_path: Path, into: Path) -> Ingest:
    """Ingests the bytes of a file; the working copy lands in `into`."""

    async def ingest(content: bytes) -> IngestedPhoto:
        source = tmp_path / "upload"
        source.write_bytes(content)
        return await decoder.ingest(source, into)

    return ingest


@pytest.fixture
def processor_seconds() -> Callable[[], float]:
    """Of all children that have ended, of this process and of its templates; in steps of 10 ms."""

    def seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        sum_of_all = used.ru_utime + used.ru_stime
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                sum_of_all += times.children_user + times.children_system
        return sum_of_all

    return seconds

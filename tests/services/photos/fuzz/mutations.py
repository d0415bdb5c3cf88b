"""Faults put into a file, the same ones for the same number."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

_LENGTHS = (0, 1, 7, 8, 12, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
_PNG = b"\x89PNG\r\n\x1a\n"
_BOXES = (
    *(b"meta", b"iinf", b"infe", b"iloc", b"iref", b"iprp", b"ipco", b"ipma", b"ispe", b"hvcC"),
    *(b"pitm", b"auxC", b"irot", b"imir", b"clap", b"pixi", b"colr", b"mdat", b"idat", b"grpl"),
    *(b"auxl", b"dimg", b"thmb", b"cdsc", b"grid", b"iovl", b"mski", b"tmap"),
)

Fault = Callable[[bytearray, random.Random], None]


def mutant(number: int, seeds: list[bytes]) -> bytes:
    """The file of this number: a seed with one to six faults, or two seeds grown together.

    Args:
        number: decides everything.
        seeds: good files; each comes in turn.
    """
    rng = random.Random(number)
    data = bytearray(seeds[number % len(seeds)])
    if rng.random() < 0.08:
        other = rng.choice(seeds)
        data = data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        if data:
            rng.choice(_faults_of(data))(data, rng)
    if data.startswith(_PNG) and rng.random() < 0.8:
        _mend_checksums(data)  # otherwise most of them are refused before anything is decoded
    return bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Somewhere, and mostly where the headers are."""
    reach = rng.choice((32, 128, 700, len(data)))
    return rng.randrange(min(reach, len(data)))


def _flip(data: bytearray, rng: random.Random) -> None:
    data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: random.Random) -> None:
    at, length = _place(data, rng), rng.choice((1, 2, 4, 16, 64))
    filling = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80", None))
    data[at : at + length] = filling * length if filling else rng.randbytes(length)


def _remove(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 4, 16, 64, 400))]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at, length = _place(data, rng), rng.choice((1, 4, 16, 64, 400))
    data[at:at] = data[at : at + length] * rng.choice((1, 1, 2, 50))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _grow(data: bytearray, rng: random.Random) -> None:
    """A header that never seems to end."""
    at = _place(data, rng)
    data[at:at] = rng.choice((b"\0", b"\xff", b" ", b"\xff\xfe\xff\xff")) * rng.randrange(1, 40_000)


def _number(data: bytearray, rng: random.Random) -> None:
    """A length, a count or a size that lies, in either order of bytes."""
    at = _place(data, rng)
    form = rng.choice((">H", "<H", ">I", "<I"))
    value = rng.choice(_LENGTHS) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
    data[at : at + struct.calcsize(form)] = struct.pack(form, value)


def _box(data: bytearray, rng: random.Random) -> None:
    """A box of a HEIC: its length lies, or it is another, or what is inside is moved."""
    places = [at for kind in _BOXES if (at := data.find(kind)) >= 4]
    at = rng.choice(places)
    match rng.randrange(3):
        case 0:
            length = struct.unpack(">I", data[at - 4 : at])[0]
            lie = rng.choice((*_LENGTHS, length - 1, length + 1, length * 2)) & 0xFFFFFFFF
            data[at - 4 : at] = struct.pack(">I", lie)
        case 1:
            data[at : at + 4] = rng.choice(_BOXES)
        case _:
            inside = at + 4 + rng.randrange(24)
            data[inside : inside + 1] = bytes([rng.choice((0, 1, 2, 0x7F, 0xFF))])


def _chunk(data: bytearray, rng: random.Random) -> None:
    """A chunk of a PNG or WebP, or a segment of a JPEG: doubled, removed, or of another length."""
    parts = _parts(data)
    at, end = rng.choice(parts)
    match rng.randrange(4):
        case 0:
            data[end:end] = data[at:end] * rng.choice((1, 2, 30))
        case 1:
            del data[at:end]
        case 2:
            other_at, other_end = rng.choice(parts)
            data[at:at] = data[other_at:other_end]
        case _:
            length_at = at + (2 if data[at] == 0xFF else 4 if data[:4] == b"RIFF" else 0)
            data[length_at : length_at + 2] = rng.randbytes(2)


_ANYWHERE: list[Fault] = [_flip, _overwrite, _remove, _repeat, _cut, _grow, _number, _number]


def _faults_of(data: bytearray) -> list[Fault]:
    faults = list(_ANYWHERE)
    if any(data.find(kind) >= 4 for kind in _BOXES):
        faults += [_box] * 4
    if _parts(data):
        faults += [_chunk] * 3
    return faults


def _parts(data: bytearray) -> list[tuple[int, int]]:
    """Beginning and end of every chunk or segment, as far as they can be followed."""
    if data.startswith(_PNG):
        return _walk(data, 8, lambda at: struct.unpack_from(">I", data, at)[0] + 12)
    if data[:4] == b"RIFF":
        return _walk(data, 12, lambda at: 8 + struct.unpack_from("<I", data, at + 4)[0] + 1 & ~1)
    if data[:2] == b"\xff\xd8":
        return _walk(data, 2, lambda at: 2 + struct.unpack_from(">H", data, at + 2)[0])
    return []


def _walk(data: bytearray, at: int, length: Callable[[int], int]) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    while at + 8 <= len(data) and len(parts) < 200:
        end = at + length(at)
        if end > len(data):
            break
        parts.append((at, end))
        at = end
    return parts


def _mend_checksums(data: bytearray) -> None:
    for at, end in _parts(data):
        data[end - 4 : end] = struct.pack(">I", zlib.crc32(data[at + 4 : end - 4]))

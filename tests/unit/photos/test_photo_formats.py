import struct
import zlib
from io import BytesIO

import pytest

from rekindle.adapters.confined.child.photo.formats import check_png, identify
from rekindle.adapters.confined.child.report import Refusal, Refused


def _ftyp(major: bytes, *compatible: bytes) -> bytes:
    brands = major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
DATA = _chunk(b"IDAT", zlib.compress(b"\0\x80"))
END = _chunk(b"IEND")


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg"),
        (SIGNATURE + HEADER, "png"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "webp"),
        (_ftyp(b"heic", b"mif1", b"heic"), "heic"),
        (_ftyp(b"mif1", b"mif1", b"heic"), "heic"),
        (_ftyp(b"heix", b"mif1"), "heic"),
    ],
)
def test_content_decides_the_format(head: bytes, found: str) -> None:
    assert identify(BytesIO(head)) == found


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"<!DOCTYPE html><html>",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7\n",
        b"PK\x03\x04\x14\0",
        b"GIF89a\x01\0\x01\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"BM\x46\0\0\0",
        b"SIMPLE  =                    T",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"8BPS\0\x01",
        b"\0\0\x01\0\x01\0",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        _ftyp(b"avif", b"mif1", b"avif"),
        _ftyp(b"mif1", b"mif1", b"avif"),
        _ftyp(b"isom", b"iso2", b"mp41"),
        _ftyp(b"qt  "),
    ],
)
def test_everything_else_is_unsupported(head: bytes) -> None:
    with pytest.raises(Refused) as refused:
        identify(BytesIO(head + bytes(64)))
    assert refused.value.refusal is Refusal.UNSUPPORTED


@pytest.mark.parametrize("major", [b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"])
def test_image_sequence_is_animated(major: bytes) -> None:
    with pytest.raises(Refused) as refused:
        identify(BytesIO(_ftyp(major, b"mif1", b"heic")))
    assert refused.value.refusal is Refusal.ANIMATED


@pytest.mark.parametrize(
    "tail",
    [b"", b"<html>after the end</html>", _chunk(b"tEXt", b"late\0text")],
    ids=["nothing", "html", "chunk"],
)
def test_complete_png_passes_whatever_follows_its_end(tail: bytes) -> None:
    check_png(BytesIO(SIGNATURE + HEADER + _chunk(b"tEXt", b"a\0b") + DATA + END + tail))


@pytest.mark.parametrize("missing", range(1, len(HEADER + DATA + END)))
def test_png_cut_off_anywhere_is_damaged(missing: int) -> None:
    with pytest.raises(Refused) as refused:
        check_png(BytesIO((SIGNATURE + HEADER + DATA + END)[:-missing]))
    assert refused.value.refusal is Refusal.DAMAGED


@pytest.mark.parametrize("place", [0, 5, 8, len(DATA) - 1])
def test_png_with_one_wrong_byte_in_its_data_is_damaged(place: int) -> None:
    data = bytearray(DATA)
    data[place] ^= 0x01
    with pytest.raises(Refused) as refused:
        check_png(BytesIO(SIGNATURE + HEADER + bytes(data) + END))
    assert refused.value.refusal is Refusal.DAMAGED


def test_png_of_countless_empty_chunks_is_refused_without_walking_them_all() -> None:
    source = BytesIO(SIGNATURE + HEADER + _chunk(b"teXt") * 200_000 + DATA + END)
    with pytest.raises(Refused) as refused:
        check_png(source)
    assert refused.value.refusal is Refusal.DAMAGED
    assert source.tell() < 100_001 * 12 + 64

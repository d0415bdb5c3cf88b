"""Nothing of what a camera, an editor or a person wrote into a file gets into another one."""

import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.ports.photos import IngestedPhoto

Ingest = Callable[[bytes], Awaitable[IngestedPhoto]]

CANARY = b"canary-7f3a"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    b'syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'dc:creator="' + CANARY + b'"/></rdf:RDF></x:xmpmeta>'
)


def _exif() -> bytes:
    """Maker, serial number, maker note, comment and the place."""
    exif = Image.Exif()
    exif[0x010E] = CANARY.decode()
    exif[0x010F] = CANARY.decode()
    details = exif.get_ifd(0x8769)
    details[0xA431] = CANARY.decode()
    details[0x927C] = CANARY
    details[0x9286] = b"ASCII\0\0\0" + CANARY
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (47.0, 22.0, 30.5)
    place[3], place[4] = "E", (8.0, 32.0, 11.5)
    place[0x1B] = CANARY
    return exif.tobytes()


def _profile() -> bytes:
    """An sRGB profile with the canary in its description."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = "sRGB built-in".encode("utf-16-be")
    assert wide in profile
    return profile.replace(wide, CANARY.ljust(len(wide), b"!"))


def _segments(jpeg: bytes) -> list[int]:
    """The markers of a JPEG, up to the start of its scan."""
    markers, at = [], 2
    while jpeg[at + 1] != 0xDA:
        markers.append(jpeg[at + 1])
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    return markers


def _chunks(png: bytes) -> set[bytes]:
    kinds, at = set(), 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        kinds.add(kind)
        at += 12 + length
    return kinds


def _full_of_metadata(corpus: Any, kind: str) -> bytes:
    picture, exif, profile = corpus.picture(), _exif(), _profile()
    if kind == "JPEG":
        content = corpus.encoded(
            picture, kind, exif=exif, icc_profile=profile, xmp=XMP, comment=CANARY
        )
        iptc = b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0" + bytes([len(CANARY) + 5])
        iptc += b"\x1c\x02\x78\0" + bytes([len(CANARY)]) + CANARY
        tail = b"<html>" + CANARY
        segment = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
        return bytes(content[:2] + segment + content[2:] + tail)
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", CANARY.decode())
        text.add_text("Comment", CANARY.decode(), zip=True)
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        text.add(b"prVt", CANARY)
        return bytes(
            corpus.encoded(
                picture, kind, exif=exif, icc_profile=profile, pnginfo=text, dpi=(72, 72)
            )
        )
    return bytes(corpus.encoded(picture, kind, exif=exif, icc_profile=profile, xmp=XMP))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_working_copy_holds_pixels_only(corpus: Any, ingest: Ingest, kind: str) -> None:
    content = _full_of_metadata(corpus, kind)
    assert content.count(CANARY) >= 3

    photo = await ingest(content)

    copy = photo.working.path.read_bytes()
    assert _chunks(copy) == {b"IHDR", b"IDAT", b"IEND"}
    assert CANARY not in copy
    assert (photo.working.width, photo.working.height) == corpus.picture().size


@pytest.mark.parametrize("word", [None, "algorithmicallyEnhanced"])
async def test_preview_and_thumbnail_hold_pixels_and_the_origin_label_only(
    corpus: Any, decoder: PillowPhotoDecoder, tmp_path: Path, into: Path, word: str | None
) -> None:
    # ComfyUI writes the whole graph, prompts included, into the text chunks of its PNG files.
    master = tmp_path / "master.png"
    master.write_bytes(_full_of_metadata(corpus, "PNG"))

    made = await decoder.derive(master, into, digital_source_type=word)

    for image in (made.preview, made.thumbnail):
        content = image.path.read_bytes()
        assert CANARY not in content
        labels = [0xE1] if word else []
        kinds = [marker for marker in _segments(content) if 0xE0 <= marker <= 0xFE]
        assert kinds == [0xE0, *labels]
        with Image.open(image.path) as picture:
            assert dict(picture.getexif()) == {}
            assert not {"icc_profile", "comment", "photoshop", "exif"} & set(picture.info)
            assert (b"digitalsourcetype/algorithmicallyEnhanced" in content) == bool(word)

"""S3's replies in XML, and the one request body that is XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from xml.sax.saxutils import escape, unescape  # nosec B406: escaping parses nothing

from simulators.runpod.s3.folder import Found, Upload
from simulators.runpod.s3.listing import Page, token_of
from simulators.runpod.s3.refusal import Refusal

_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_PART = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)
_NUMBER = re.compile(r"<PartNumber>\s*(\d+)\s*</PartNumber>")
_ETAG = re.compile(r"<ETag>\s*(.*?)\s*</ETag>", re.DOTALL)


def stamp(moment: datetime) -> str:
    """A time as S3's XML has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def document(name: str, *parts: str) -> bytes:
    """A whole reply."""
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{head}\n<{name} {_NAMESPACE}>{''.join(parts)}</{name}>".encode()


def element(name: str, value: object) -> str:
    """One element with text in it."""
    return f"<{name}>{escape(str(value))}</{name}>"


def listing(bucket: str, asked: Mapping[str, str], page: Page) -> bytes:
    """A page of a list, of the version that was asked for."""
    is_second = asked.get("list-type") == "2"
    parts = [
        element("Name", bucket),
        element("Prefix", asked.get("prefix", "")),
        element("MaxKeys", asked.get("max-keys", 1000)),
        element("IsTruncated", str(page.after is not None).lower()),
        *(element(name.title(), asked[name]) for name in ("delimiter", "marker") if name in asked),
    ]
    if is_second:
        parts.append(element("KeyCount", page.size))
    if page.after is not None:
        after = token_of(page.after) if is_second else page.after
        parts.append(element("NextContinuationToken" if is_second else "NextMarker", after))
    parts += [_object(found) for found in page.objects]
    parts += [
        f"<CommonPrefixes>{element('Prefix', prefix)}</CommonPrefixes>" for prefix in page.prefixes
    ]
    return document("ListBucketResult", *parts)


def uploads(bucket: str, found: Iterable[Upload]) -> bytes:
    """Multipart uploads that have not ended."""
    parts = [
        "<Upload>"
        + element("Key", upload.key)
        + element("UploadId", upload.id)
        + element("Initiated", stamp(upload.begun))
        + "</Upload>"
        for upload in found
    ]
    truncated = element("IsTruncated", "false")
    return document("ListMultipartUploadsResult", element("Bucket", bucket), truncated, *parts)


def parts_of(body: bytes) -> list[tuple[int, str]]:
    """The parts that CompleteMultipartUpload names: numbers and ETags, as they come.

    Raises:
        Refusal: It names none, or one without either.
    """
    parts = []
    for text in _PART.findall(body.decode(errors="replace")):
        number, etag = _NUMBER.search(text), _ETAG.search(text)
        if number is None or etag is None:
            raise Refusal(400, "MalformedXML", "A part has a number and an ETag.")
        name = unescape(etag[1], {"&quot;": '"'}).strip('"')
        parts.append((int(number[1]), name))
    return parts


def _object(found: Found) -> str:
    parts = (
        element("Key", found.key),
        element("LastModified", stamp(found.modified)),
        element("ETag", f'"{found.etag}"'),
        element("Size", found.size),
        element("StorageClass", "STANDARD"),
    )
    return f"<Contents>{''.join(parts)}</Contents>"

"""The S3 door of network volumes: ``/s3/{data centre}/{volume}/{path}``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote

from starlette.types import Receive, Scope, Send

from simulators.common.asgi import closing, read_body, reply
from simulators.runpod.cloud.volumes import Volumes
from simulators.runpod.s3 import signature, xml
from simulators.runpod.s3.body import receive_file
from simulators.runpod.s3.folder import Found, VolumeFolder
from simulators.runpod.s3.listing import page_of
from simulators.runpod.s3.refusal import Refusal, not_found, not_implemented

PREFIX = "/s3/"
_XML = b"application/xml"
_PIECE = 1 << 20
_OF_LISTS = {
    *("list-type", "prefix", "delimiter", "max-keys", "marker", "start-after"),
    *("continuation-token", "encoding-type", "fetch-owner", "x-id"),
}
_REFUSED_HEADERS = (
    "x-amz-server-side-encryption",
    "x-amz-acl",
    "x-amz-tagging",
    "x-amz-object-lock",
)


@dataclass(frozen=True)
class _Request:
    method: str
    bucket: str
    key: str
    asked: Mapping[str, str]
    headers: Mapping[str, str]
    receive: Receive
    send: Send

    async def answer(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole reply."""
        fields = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
        await reply(self.send, status, body, _XML, fields)


class VolumeDoor:
    """Serves the files of every volume to whoever has the S3 keys.

    Args:
        volumes: Which there are, and where their files are.
        scratch: A folder on the same disk.
        keys: Secret by access key.
    """

    def __init__(self, volumes: Volumes, scratch: Path, keys: Mapping[str, str]) -> None:
        self._volumes = volumes
        self._scratch = scratch
        self._keys = keys
        self._folders: dict[str, VolumeFolder] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        raw_path, raw_query = scope["raw_path"].decode(), scope["query_string"].decode()
        region, _, rest = raw_path.removeprefix(PREFIX).partition("/")
        bucket, _, key = rest.partition("/")
        asked = signature.parameters(raw_query)
        request = _Request(
            scope["method"], unquote(bucket), unquote(key), asked, headers, receive, send
        )
        try:
            if "X-Amz-Signature" in asked:
                raise Refusal(403, "AccessDenied", "Network volumes know no presigned URLs.")
            signature.check(
                scope["method"],
                raw_path,
                raw_query,
                headers,
                keys=self._keys,
                region=region,
                now=datetime.now(UTC),
            )
            await self._serve(request, self._folder(request.bucket, region))
        except Refusal as refusal:
            body = b"" if scope["method"] == "HEAD" else refusal.as_xml()
            await reply(send, refusal.status, body, _XML, closing(scope))

    def _folder(self, bucket: str, region: str) -> VolumeFolder:
        volume = self._volumes.find(bucket)
        if volume is None or volume.dataCenter != region:
            raise not_found("Bucket", bucket)
        if bucket not in self._folders:
            place = self._volumes.path(bucket)
            self._folders[bucket] = VolumeFolder(place, self._scratch / bucket)
        return self._folders[bucket]

    async def _serve(self, request: _Request, folder: VolumeFolder) -> None:
        for name in request.headers:
            if name.startswith(_REFUSED_HEADERS):
                raise not_implemented(name)
        verb = (request.method, *sorted(_sub(request)))
        handlers = _OF_OBJECT if request.key else _OF_BUCKET
        handler = handlers.get(verb)
        if handler is None:
            raise not_implemented(" ".join(verb))
        await handler(self, request, folder)

    async def _list(self, request: _Request, folder: VolumeFolder) -> None:
        page = await asyncio.to_thread(
            lambda: page_of(folder.all(request.asked.get("prefix", "")), request.asked)
        )
        await request.answer(200, xml.listing(request.bucket, request.asked, page))

    async def _head_bucket(self, request: _Request, folder: VolumeFolder) -> None:
        del folder
        await request.answer(200)

    async def _uploads(self, request: _Request, folder: VolumeFolder) -> None:
        await request.answer(200, xml.uploads(request.bucket, folder.uploads()))

    async def _get(self, request: _Request, folder: VolumeFolder) -> None:
        found = await asyncio.to_thread(folder.get, request.key)
        begin, end = _range(request.headers.get("range"), found.size)
        headers = {**_about(found), "content-length": str(end - begin)}
        is_part = "range" in request.headers
        if is_part:
            headers["content-range"] = f"bytes {begin}-{end - 1}/{found.size}"
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        status = 206 if is_part else 200
        await request.send({"type": "http.response.start", "status": status, "headers": fields})
        if request.method != "HEAD":
            await _send_file(found.path, begin, end, request.send)
        await request.send({"type": "http.response.body"})

    async def _put(self, request: _Request, folder: VolumeFolder) -> None:
        source = request.headers.get("x-amz-copy-source")
        if source is not None:
            await self._copy(request, folder, source)
            return
        folder.path(request.key)
        content = folder.fresh()
        try:
            etag = await receive_file(request.receive, request.headers, content)
            folder.put(request.key, content, etag)
        finally:
            content.unlink(missing_ok=True)
        await request.answer(200, headers={"etag": f'"{etag}"'})

    async def _copy(self, request: _Request, folder: VolumeFolder, source: str) -> None:
        await read_body(request.receive)
        bucket, _, key = unquote(source).lstrip("/").partition("/")
        region = self._volumes.get(request.bucket).dataCenter
        origin = self._folder(bucket, region).get(key)
        made = await asyncio.to_thread(folder.copy, origin, request.key)
        told = xml.element("LastModified", xml.stamp(made.modified))
        etag = xml.element("ETag", f'"{made.etag}"')
        await request.answer(200, xml.document("CopyObjectResult", told, etag))

    async def _delete(self, request: _Request, folder: VolumeFolder) -> None:
        folder.delete(request.key)
        await request.answer(204)

    async def _begin(self, request: _Request, folder: VolumeFolder) -> None:
        upload = folder.begin(request.key)
        told = (("Bucket", request.bucket), ("Key", request.key), ("UploadId", upload))
        parts = (xml.element(name, value) for name, value in told)
        await request.answer(200, xml.document("InitiateMultipartUploadResult", *parts))

    async def _part(self, request: _Request, folder: VolumeFolder) -> None:
        number = request.asked["partNumber"]
        if not number.isdecimal():
            raise Refusal(400, "InvalidArgument", "partNumber is a number.")
        target = folder.part(request.key, request.asked["uploadId"], int(number))
        content = folder.fresh()
        try:
            etag = await receive_file(request.receive, request.headers, content)
            content.replace(target)
        finally:
            content.unlink(missing_ok=True)
        await request.answer(200, headers={"etag": f'"{etag}"'})

    async def _complete(self, request: _Request, folder: VolumeFolder) -> None:
        parts = xml.parts_of(await read_body(request.receive))
        upload = request.asked["uploadId"]
        made = await asyncio.to_thread(folder.complete, request.key, upload, parts)
        told = (("Bucket", request.bucket), ("Key", request.key), ("ETag", f'"{made.etag}"'))
        elements = (xml.element(name, value) for name, value in told)
        await request.answer(200, xml.document("CompleteMultipartUploadResult", *elements))

    async def _abort(self, request: _Request, folder: VolumeFolder) -> None:
        folder.abort(request.key, request.asked["uploadId"])
        await request.answer(204)


_Handler = Callable[[VolumeDoor, _Request, VolumeFolder], Awaitable[None]]
_OF_BUCKET: Mapping[tuple[str, ...], _Handler] = {
    ("GET",): VolumeDoor._list,
    ("HEAD",): VolumeDoor._head_bucket,
    ("GET", "uploads"): VolumeDoor._uploads,
}
_OF_OBJECT: Mapping[tuple[str, ...], _Handler] = {
    ("GET",): VolumeDoor._get,
    ("HEAD",): VolumeDoor._get,
    ("PUT",): VolumeDoor._put,
    ("DELETE",): VolumeDoor._delete,
    ("POST", "uploads"): VolumeDoor._begin,
    ("PUT", "partNumber", "uploadId"): VolumeDoor._part,
    ("POST", "uploadId"): VolumeDoor._complete,
    ("DELETE", "uploadId"): VolumeDoor._abort,
}
"""What is served, by method and subresource; anything else is a 501."""


def _sub(request: _Request) -> set[str]:
    """The parameters that make another operation of a method."""
    ordinary = {"x-id"} if request.key else _OF_LISTS
    return set(request.asked) - ordinary


def _about(found: Found) -> dict[str, str]:
    return {
        "etag": f'"{found.etag}"',
        "last-modified": format_datetime(found.modified, usegmt=True),
        "content-type": "binary/octet-stream",
        "accept-ranges": "bytes",
    }


def _range(text: str | None, size: int) -> tuple[int, int]:
    """Begin and end of what is wanted.

    Raises:
        Refusal: 416, there is nothing of it.
    """
    if text is None:
        return 0, size
    first, dash, last = text.removeprefix("bytes=").partition("-")
    if not dash or not (first or last) or not (first + last).isdecimal():
        raise Refusal(416, "InvalidRange", "The range cannot be read.")
    begin = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if begin >= end:
        raise Refusal(416, "InvalidRange", "There is nothing in this range.")
    return begin, end


async def _send_file(path: Path, begin: int, end: int, send: Send) -> None:
    with path.open("rb") as file:
        file.seek(begin)
        while begin < end and (piece := file.read(min(_PIECE, end - begin))):
            begin += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})

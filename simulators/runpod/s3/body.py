"""Bodies: written to a file piece by piece, whichever way the client frames and hashes them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from starlette.types import Receive

from simulators.runpod.s3.refusal import Refusal

MOST_BYTES = 500_000_000
"""Of one PUT, and of one part."""


async def receive_file(receive: Receive, headers: Mapping[str, str], target: Path) -> str:
    """Write a request's body; returns its MD5 in hex, which is its ETag.

    Args:
        receive: Of the request.
        headers: By lower-case name.
        target: The file; what is there is lost.

    Raises:
        Refusal: It is too large, or not what its hash says.
        ConnectionError: The client went away before its end.
    """
    length = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise Refusal(400, "EntityTooLarge", "One PUT or part takes at most 500 MB.")
    promised = headers.get("x-amz-content-sha256", "")
    pieces = _pieces(receive)
    if promised.startswith("STREAMING-"):
        pieces = _unframed(pieces)
    md5, sha256, written = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with target.open("wb") as file:
        async for piece in pieces:
            file.write(piece)
            md5.update(piece)
            sha256.update(piece)
            written += len(piece)
    if written != int(length):
        raise Refusal(400, "IncompleteBody", f"{written} bytes came instead of {length}.")
    if len(promised) == sha256.digest_size * 2 and promised != sha256.hexdigest():
        raise Refusal(400, "XAmzContentSHA256Mismatch", "The body is not what was signed.")
    return md5.hexdigest()


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client is gone")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _unframed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The content of `aws-chunked`: lines of a length in hex, each followed by so many bytes.

    Signatures of chunks and trailing checksums are read past: the transport here loses nothing.
    """
    reader = _Reader(pieces)
    while size := _size(await reader.line()):
        async for piece in reader.take(size):
            yield piece
        await reader.line()


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise Refusal(400, "IncompleteBody", "The body is not framed as announced.") from None


class _Reader:
    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = b""

    async def line(self) -> bytes:
        """Up to the next line end, which is left out; what is there when none follows."""
        while b"\r\n" not in self._buffer and await self._more():
            pass
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def take(self, size: int) -> AsyncIterator[bytes]:
        """So many bytes, or fewer when the body ends before."""
        while size and (self._buffer or await self._more()):
            piece, self._buffer = self._buffer[:size], self._buffer[size:]
            size -= len(piece)
            yield piece

    async def _more(self) -> bool:
        async for piece in self._pieces:
            self._buffer += piece
            return True
        return False

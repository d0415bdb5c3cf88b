"""Archives of stored files, made while they are sent: no file is ever held whole.

Members are stored as they are, since pictures do not get smaller. An archive whose making fails
ends without its directory, and its connection without an end: nobody takes it for a whole one.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stream_zip import NO_COMPRESSION_64, ZipError, stream_zip

from rekindle.contracts import checksums
from rekindle.errors import NotFound, StorageUnavailable
from rekindle.ports.objects import ObjectStore

MEDIA_TYPE = "application/zip"
_PIECE = 1 << 20
_MODE = 0o100644
_AT_ONCE = 8
_THREADS = 4
"""That step archives on, in one process: each step makes one piece, so that all go on."""


@dataclass(frozen=True)
class ZipMember:
    """A file of an archive.

    Attributes:
        name: in the archive; unlike every other one there.
        key: of the object.
        size: bytes.
        crc32: of its content; None has it read once more, before it is sent.
    """

    name: str
    key: str
    size: int
    crc32: int | None
    modified_at: datetime


@dataclass(frozen=True)
class ZipFile:
    """What a member is made of."""

    name: str
    key: str
    modified_at: datetime


class Zips:
    """Makes archives. Memory for each: a few pieces of 1 MB, whatever is in it."""

    def __init__(self, objects: ObjectStore) -> None:
        """Read from there."""
        self._objects = objects
        self._steps = ThreadPoolExecutor(_THREADS, thread_name_prefix="zip")

    async def aclose(self) -> None:
        """Make no more archives; waits for no reader."""
        self._steps.shutdown(wait=False, cancel_futures=True)

    async def members(self, files: Sequence[ZipFile]) -> list[ZipMember]:
        """What is stored of these files, looked up before anything is sent.

        Raises:
            StorageUnavailable: the store does not answer, or one of them is gone.
        """
        places = asyncio.Semaphore(_AT_ONCE)

        async def looked_up(file: ZipFile) -> ZipMember:
            async with places:
                found = await self._objects.head(file.key)
            if found is None:
                raise StorageUnavailable(f"{file.key} is gone")
            crc32 = checksums.parsed(found.labels.get(checksums.LABEL))
            return ZipMember(file.name, file.key, found.size_bytes, crc32, file.modified_at)

        return list(await asyncio.gather(*map(looked_up, files)))

    async def pieces(self, members: Sequence[ZipMember]) -> AsyncGenerator[bytes]:
        """The archive, piece by piece.

        Whoever stops reading leaves nothing behind: no connection to the store stays open between
        two pieces, and the step that is under way ends by itself.

        Raises:
            StorageUnavailable: the store failed, or has another file now than when it was
                looked up; what was sent by then is no whole archive.
        """
        archive = self._archive(members, asyncio.get_running_loop())
        step: Future[bytes | None] | None = None
        try:
            while True:
                step = self._steps.submit(next, archive, None)
                piece = await asyncio.wrap_future(step)
                if piece is None:
                    return
                yield piece
        except (ZipError, NotFound) as error:
            raise StorageUnavailable(f"a file has changed: {error}") from error
        finally:
            if step is not None:  # it may be under way still: only then is the archive closed
                step.add_done_callback(lambda _: archive.close())

    def _archive(
        self, members: Sequence[ZipMember], loop: asyncio.AbstractEventLoop
    ) -> Generator[bytes, Any, None]:
        """The archive as it is stepped through, on a thread of `_steps`."""

        def files() -> Iterator[Any]:
            for each in members:
                crc32 = each.crc32
                if crc32 is None:
                    crc32 = checksums.of_pieces(self._content(each, loop))
                method = NO_COMPRESSION_64(each.size, crc32)
                yield each.name, each.modified_at, _MODE, method, self._content(each, loop)

        yield from stream_zip(files(), chunk_size=_PIECE)

    def _content(self, member: ZipMember, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
        start = 0
        while start < member.size:
            most = min(_PIECE, member.size - start)
            reading = self._objects.read(member.key, start=start, most=most)
            piece = asyncio.run_coroutine_threadsafe(reading, loop).result()
            if not piece:
                raise StorageUnavailable(f"{member.key} ends early")
            start += len(piece)
            yield piece

"""All HD pictures of an album in one archive: for who paid, made while it is sent, or not whole."""

import asyncio
import io
import os
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.zips import ZipFile, ZipMember, Zips
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import checksums
from rekindle.errors import StorageUnavailable
from rekindle.ports.objects import StoredObject
from tests.services.api.conftest import MakeJob, Succeed, World
from tests.services.api.orders.album_shelf import Shelf

MB = 1 << 20
LARGE = 16 * MB
MOST_MEMORY = 10 * MB
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def shelf(
    http: httpx.AsyncClient, world: World, tmp_path: Path, make_job: MakeJob, succeed: Succeed
) -> Shelf:
    return Shelf(http, world.database, world.objects, tmp_path, make_job, succeed)


@pytest.fixture
async def zips(objects: S3Store) -> AsyncIterator[Zips]:
    async with aclosing(Zips(objects)) as found:
        yield found


async def test_the_archive_has_every_picture_that_was_paid_for_and_nobody_else_gets_it(
    shelf: Shelf, stranger: httpx.AsyncClient
) -> None:
    photos = [await shelf.photo() for _ in range(3)]
    album = await shelf.album(*photos)
    link = album["links"]["zip"]
    unpaid = await shelf.http.get(link)
    assert (unpaid.status_code, unpaid.json()["code"]) == (402, "payment_required")
    assert unpaid.json()["links"]["checkout"] == album["links"]["checkout"]
    order = (await shelf.check_out(album))["order"]
    assert (await shelf.http.get(link)).status_code == 402
    await shelf.pay(order)
    early = await shelf.http.get(link)
    assert (early.status_code, early.json()["code"]) == (409, "hd_not_ready")
    pictures = await shelf.deliver(order, failing=1)
    await shelf.store(photos[1]["id"], pictures[1], is_labelled=False)  # from before checksums
    reply = await shelf.http.get(link)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/zip")
    name = f"rekindle-{album['id'].replace('-', '')[:8]}.zip"
    assert reply.headers["content-disposition"] == f'attachment; filename="{name}"'
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        found = archive.infolist()
        assert [archive.read(each) for each in found] == pictures
    assert [each.filename for each in found] == [
        f"{nth:03}-rekindle-{photo['selected_restore_id'].replace('-', '')[:8]}-hd.png"
        for nth, photo in enumerate(photos[:2], start=1)
    ]
    assert {each.compress_type for each in found} == {zipfile.ZIP_STORED}
    assert (await stranger.get(link)).json()["code"] == "album_not_found"
    await shelf.pay(order, refunded=True)
    assert (await shelf.http.get(link)).status_code == 402


async def files(objects: S3Store, folder: Path, *, labelled: bool = True) -> list[ZipFile]:
    """Two large files."""
    source = folder / "large"
    source.write_bytes(os.urandom(LARGE))
    labels = {checksums.LABEL: checksums.of_file(source)} if labelled else None
    names = [f"restored/{folder.name}/{n}_hd.png" for n in range(2)]
    for key in names:
        await objects.put_file(key, source, content_type="image/png", labels=labels)
    return [ZipFile(f"{n}.png", key, NOW) for n, key in enumerate(names)]


async def test_an_archive_takes_a_few_pieces_of_memory_however_large_it_is(
    zips: Zips, objects: S3Store, tmp_path: Path
) -> None:
    members = await zips.members(await files(objects, tmp_path))
    tracemalloc.start()
    try:
        size = 0
        async for piece in zips.pieces(members):
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 2 * LARGE
    assert peak < MOST_MEMORY


@dataclass
class Failing:
    """A store that stops answering, or has another file, after so many pieces."""

    good: int
    content: bytes = b"x" * 3 * MB
    asked: list[int] = field(default_factory=list)
    failure: Exception | None = None
    gate: asyncio.Event | None = None

    async def head(self, key: str) -> StoredObject:
        crc32 = f"{checksums.of_pieces([self.content]):08x}"
        return StoredObject(key, len(self.content), None, {checksums.LABEL: crc32})

    async def read(self, key: str, *, start: int, most: int) -> bytes:
        self.asked.append(start)
        if self.gate is not None:
            await self.gate.wait()
        if len(self.asked) <= self.good:
            return self.content[start : start + most]
        if self.failure is not None:
            raise self.failure
        return b"y" * most if start + most < len(self.content) else b""


async def drained(zips: Zips, members: list[ZipMember], sent: bytearray) -> None:
    async for piece in zips.pieces(members):
        sent += piece


@pytest.mark.parametrize("failure", [StorageUnavailable("gone"), None], ids=["away", "changed"])
async def test_an_archive_that_fails_in_the_middle_is_none_that_can_be_opened(
    failure: Exception | None,
) -> None:
    store = Failing(good=2, failure=failure)
    sent = bytearray()
    async with aclosing(Zips(store)) as zips:  # type: ignore[arg-type]
        members = await zips.members([ZipFile(f"{n}.png", f"k{n}", NOW) for n in range(2)])
        with pytest.raises(StorageUnavailable):
            await drained(zips, members, sent)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(sent))


async def test_a_reader_that_leaves_in_the_middle_of_a_piece_leaves_nothing_behind() -> None:
    store = Failing(good=100, gate=asyncio.Event())
    assert store.gate is not None
    zips = Zips(store)  # type: ignore[arg-type]
    members = await zips.members([ZipFile(f"{n}.png", f"k{n}", NOW) for n in range(50)])
    async with aclosing(zips.pieces(members)) as pieces:
        await anext(pieces)  # the header of the first file
        reading = asyncio.create_task(anext(pieces))
        async with asyncio.timeout(60):
            while not store.asked:
                await asyncio.sleep(0.01)
        reading.cancel()
        [left] = await asyncio.gather(reading, return_exceptions=True)
        assert isinstance(left, asyncio.CancelledError)
    store.gate.set()
    await asyncio.to_thread(zips._steps.shutdown)  # returns when the step under way has ended
    assert len(store.asked) <= 2


async def test_a_picture_that_is_gone_is_found_out_before_anything_is_sent(shelf: Shelf) -> None:
    photo = await shelf.photo()
    album = await shelf.album(photo)
    await shelf.deliver((await shelf.check_out(album))["order"])
    items = (await shelf.look(album))["items"]
    assert items[0]["links"]["hd"]
    await shelf.objects.delete(f"restored/{photo['id']}/s_hd.png")
    reply = await shelf.http.get(album["links"]["zip"])
    assert (reply.status_code, reply.json()["code"]) == (503, "storage_unavailable")

import hashlib
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from rekindle.adapters.s3 import S3Store
from rekindle.errors import NotFound, PhotoTooLarge, StorageUnavailable


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.bin"
    path.write_bytes(b"light" * 1000)
    return path


async def test_what_is_put_comes_back_with_its_hash_and_labels(
    objects: S3Store, photo: Path, tmp_path: Path
) -> None:
    stored = await objects.put_file(
        "restored/a/b.png", photo, content_type="image/png", labels={"pod": "p1"}
    )
    assert stored.sha256 == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert await objects.head("restored/a/b.png") == stored
    await objects.fetch_file("restored/a/b.png", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == photo.read_bytes()


async def test_what_is_absent_is_none_or_not_found(objects: S3Store, tmp_path: Path) -> None:
    assert await objects.head("restored/none") is None
    with pytest.raises(NotFound):
        await objects.fetch_file("restored/none", tmp_path / "none")


async def test_deleting_is_idempotent_and_reaches_every_key(objects: S3Store, photo: Path) -> None:
    keys = [f"restored/many/{n}.png" for n in range(3)]
    for key in keys:
        await objects.put_file(key, photo, content_type="image/png")
    await objects.delete(*keys)
    await objects.delete(*keys)
    assert [await objects.head(key) for key in keys] == [None, None, None]


async def test_an_address_reads_one_object_and_nothing_without_it(
    objects: S3Store, photo: Path
) -> None:
    await objects.put_file("restored/u/v.jpg", photo, content_type="image/jpeg")
    address = objects.url("restored/u/v.jpg", filename="restored.jpg")
    async with httpx.AsyncClient(timeout=60) as http:
        signed = await http.get(address)
        unsigned = await http.get(address.partition("?")[0])
        other = await http.get(address.replace("v.jpg?", "w.jpg?"))
    assert signed.content == photo.read_bytes()
    assert signed.headers["content-type"] == "image/jpeg"
    assert signed.headers["content-disposition"] == 'attachment; filename="restored.jpg"'
    assert (unsigned.status_code, other.status_code) == (403, 403)


async def test_an_address_of_reading_does_nothing_else(objects: S3Store, photo: Path) -> None:
    await objects.put_file("restored/u/only.jpg", photo, content_type="image/jpeg")
    address = objects.url("restored/u/only.jpg", filename="restored.jpg")
    later = address.replace("X-Amz-Expires=", "X-Amz-Expires=9")
    async with httpx.AsyncClient(timeout=60) as http:
        for method in ("PUT", "POST", "DELETE"):
            reply = await http.request(method, address, content=b"forged")
            assert reply.status_code in {400, 403, 405}, method
        assert later != address
        assert (await http.get(later)).status_code == 403
        assert (await http.get(address)).content == photo.read_bytes()


async def test_a_store_that_is_away_is_its_own_error(unused_tcp_port: int, photo: Path) -> None:
    store = S3Store(
        bucket="media",
        region="us-east-1",
        endpoint_url=f"http://127.0.0.1:{unused_tcp_port}",
        access_key="a",
        secret_key="b",
        url_seconds=60,
    )
    with pytest.raises(StorageUnavailable):
        await store.put_file("k", photo, content_type="image/png")
    with pytest.raises(StorageUnavailable):
        await store.check()


async def test_a_missing_bucket_is_an_unavailable_store(objects: S3Store) -> None:
    objects._bucket = "no-such-bucket"
    with pytest.raises(StorageUnavailable):
        await objects.check()


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_no_more_bytes_are_fetched_than_were_allowed(
    more: int, objects: S3Store, photo: Path, tmp_path: Path
) -> None:
    await objects.put_file("incoming/bounded", photo, content_type="image/png")
    target, size = tmp_path / "bounded", photo.stat().st_size
    if more < 0:
        with pytest.raises(PhotoTooLarge):
            await objects.fetch_file("incoming/bounded", target, max_bytes=size + more)
        assert target.stat().st_size <= size + more
    else:
        await objects.fetch_file("incoming/bounded", target, max_bytes=size + more)
        assert target.read_bytes() == photo.read_bytes()


async def test_a_large_photo_is_fetched_piece_by_piece(objects: S3Store, tmp_path: Path) -> None:
    """Of 48 MB no more than some pieces of one MB are in memory at once."""
    large, target = tmp_path / "large", tmp_path / "back"
    large.write_bytes(bytes(48 << 20))
    await objects.put_file("incoming/large", large, content_type="image/png")
    tracemalloc.start()
    try:
        await objects.fetch_file("incoming/large", target, max_bytes=50 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    await objects.delete("incoming/large")
    assert target.stat().st_size == 48 << 20
    assert peak < 8 << 20


async def test_keys_are_found_by_their_begin_and_in_pages(objects: S3Store, photo: Path) -> None:
    names = [f"found/{n}.png" for n in range(5)]
    for key in names:
        await objects.put_file(key, photo, content_type="image/png")
    first = await objects.find("found/", after=None, most=3)
    second = await objects.find("found/", after=first[-1].key, most=3)
    assert [each.key for each in (*first, *second)] == names
    assert first[0].size_bytes == photo.stat().st_size
    assert abs(datetime.now(UTC) - first[0].changed_at) < timedelta(hours=1)
    assert await objects.find("found/", after=names[-1], most=3) == []
    assert await objects.find("nothing/", after=None, most=3) == []

"""Photos that nobody made a job of do not stay in the bucket."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from activities.uploads import MOST, UploadActivities
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import keys
from rekindle.contracts.uploads import ClearedUploads, ClearUploads
from rekindle.store import uploads as upload_store
from tests.services.sweep.conftest import Books, Parcels

HOURS = timedelta(hours=1)


@pytest.fixture
def impatient(books: Books, objects: S3Store) -> UploadActivities:
    """For whom whatever is there is old: nothing in a bucket can be made to look older."""
    return UploadActivities(database=books.database, objects=objects, abandoned_hours=0.0)


async def test_an_abandoned_upload_goes_with_its_photo(
    uploads: UploadActivities, parcels: Parcels
) -> None:
    young = await parcels.upload(age=23 * HOURS)
    await parcels.upload(age=25 * HOURS)
    await parcels.upload(age=25 * HOURS, arrived=False)
    found = await uploads.clear_uploads(ClearUploads())
    assert (found.forgotten, found.strays) == (2, 0)
    assert await parcels.uploads() == {young}
    assert await parcels.photos() == [keys.incoming(young)]
    again = await uploads.clear_uploads(ClearUploads())
    assert again == ClearedUploads()


async def test_one_run_takes_so_many_and_the_oldest_first(
    uploads: UploadActivities, parcels: Parcels, books: Books
) -> None:
    oldest = [await parcels.upload(age=(25 + n) * HOURS, arrived=False) for n in range(4)]
    async with books.database.transaction() as session:
        gone = await upload_store.forget_old(session, older_than=24 * HOURS, most=3)
    assert set(gone) == set(oldest[1:])
    assert MOST >= 100
    assert (await uploads.clear_uploads(ClearUploads())).forgotten == 1


async def test_an_upload_that_is_being_used_is_let_be(
    uploads: UploadActivities, parcels: Parcels, books: Books
) -> None:
    upload_id = await parcels.upload(age=25 * HOURS)
    async with books.database.transaction() as session:
        job_id = await parcels.job(session)
        assert await upload_store.use(session, upload_id, job_id)
        assert (await uploads.clear_uploads(ClearUploads())).forgotten == 0
    assert await parcels.uploads() == {upload_id}


async def test_photos_without_an_upload_and_of_used_ones_go_when_they_are_old(
    uploads: UploadActivities, impatient: UploadActivities, parcels: Parcels, objects: S3Store
) -> None:
    used = await parcels.upload(used=True, age=-HOURS)
    waiting = await parcels.upload(age=-HOURS)
    nobodys = await parcels.put(uuid4())
    foreign = f"{keys.INCOMING}notes.txt"
    await objects.put_file(foreign, parcels.photo, content_type="text/plain")
    elsewhere = keys.working(uuid4())
    await objects.put_file(elsewhere, parcels.photo, content_type="image/png")
    everything = sorted([keys.incoming(used), keys.incoming(waiting), nobodys, foreign])
    assert (await uploads.clear_uploads(ClearUploads())).strays == 0
    assert await parcels.photos() == everything
    found = await impatient.clear_uploads(ClearUploads())
    assert (found.forgotten, found.strays) == (0, 3)
    assert await parcels.photos() == [keys.incoming(waiting)]
    assert await objects.head(elsewhere) is not None
    assert await parcels.uploads() == {used, waiting}


async def test_each_run_looks_behind_where_the_last_one_ended(
    uploads: UploadActivities, parcels: Parcels
) -> None:
    photos = sorted([await parcels.put(uuid4()) for _ in range(3)])
    first = await uploads.clear_uploads(ClearUploads())
    second = await uploads.clear_uploads(ClearUploads(incoming_after=first.incoming_after))
    assert (first.incoming_after, second.incoming_after) == (photos[1], None)


async def test_multipart_uploads_that_nobody_finished_are_aborted(
    uploads: UploadActivities, parcels: Parcels, objects: S3Store
) -> None:
    assert await parcels.photos() == []
    await objects.abort_multipart(begun_before=datetime.now(UTC) + HOURS, most=1000)
    client, bucket = objects._client, objects._bucket
    for key in ("working/a.png", "incoming/b"):
        begun = client.create_multipart_upload(Bucket=bucket, Key=key)
        client.upload_part(
            Bucket=bucket,
            Key=key,
            UploadId=begun["UploadId"],
            PartNumber=1,
            Body=b"half a photo",
        )
    assert (await uploads.clear_uploads(ClearUploads())).aborted == 0
    later = datetime.now(UTC) + HOURS  # its clock has whole seconds
    assert await objects.abort_multipart(begun_before=later, most=1) == 1
    assert await objects.abort_multipart(begun_before=later, most=1000) == 1
    assert await objects.abort_multipart(begun_before=later, most=1000) == 0
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []

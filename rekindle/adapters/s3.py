"""S3 and everything that speaks it, through boto3."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from rekindle.adapters.cloudfront import CloudFront
from rekindle.adapters.content_disposition import attachment
from rekindle.adapters.s3_client import in_thread, s3_client
from rekindle.errors import NotFound, PhotoTooLarge, StorageUnavailable
from rekindle.ports.objects import (
    LONGEST_ADDRESS_SECONDS,
    FoundObject,
    PresignedPost,
    StoredObject,
)

_SHA256 = "sha256"
_PIECE = 1 << 20
_REMEMBERED = 4096
"""Signed addresses kept, about 1 KB each: a page that is asked for again costs no signature."""


class S3Store:
    """One bucket (`ports.objects.ObjectStore`)."""

    def __init__(
        self,
        *,
        bucket: str,
        region: str,
        endpoint_url: str | None,
        access_key: str | None,
        secret_key: str | None,
        url_seconds: int,
        cloudfront: CloudFront | None = None,
        timeout: float | None = None,
    ) -> None:
        """Prepare a client; nothing is requested yet.

        Args:
            bucket: an existing private bucket.
            endpoint_url: an S3-compatible store, or None for AWS.
            access_key: None uses the machine's own role.
            url_seconds: usual life of addresses, seconds.
            cloudfront: what stands in front of the bucket and opens its objects to people; None
                has S3 itself do so, by presigned addresses.
            timeout: for a hasty caller: longest wait for one answer, seconds, without retries.
        """
        self._bucket = bucket
        self._url_seconds = url_seconds
        self._cloudfront = cloudfront
        self._signed = lru_cache(_REMEMBERED)(self._sign)
        self._client = s3_client(
            bucket=bucket,
            region=region,
            endpoint_url=endpoint_url,
            access_key=access_key,
            secret_key=secret_key,
            timeout=timeout,
        )

    async def put_file(
        self,
        key: str,
        source: Path,
        *,
        content_type: str,
        labels: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """See `ObjectStore.put_file`."""
        return await in_thread(self._put, key, source, content_type, labels or {})

    def _put(
        self, key: str, source: Path, content_type: str, labels: Mapping[str, str]
    ) -> StoredObject:
        with source.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            file.seek(0)
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                # A file is announced (100-continue) and waits for an answer before it is sent.
                Body=file.read() if size <= _PIECE else file,
                ContentType=content_type,
                Metadata={**labels, _SHA256: sha256},
            )
        return StoredObject(key, size, sha256, labels)

    async def fetch_file(self, key: str, target: Path, *, max_bytes: int | None = None) -> None:
        """See `ObjectStore.fetch_file`."""
        await in_thread(self._fetch, key, target, max_bytes)

    def _fetch(self, key: str, target: Path, max_bytes: int | None) -> None:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        written = 0
        with body, target.open("wb") as file:
            while piece := body.read(_PIECE):
                written += len(piece)
                if max_bytes is not None and written > max_bytes:
                    raise PhotoTooLarge
                file.write(piece)

    async def read(self, key: str, *, start: int, most: int) -> bytes:
        """See `ObjectStore.read`."""
        return await in_thread(self._read, key, start, most)

    def _read(self, key: str, start: int, most: int) -> bytes:
        wanted = f"bytes={start}-{start + most - 1}"
        body = self._client.get_object(Bucket=self._bucket, Key=key, Range=wanted)["Body"]
        with body:
            piece: bytes = body.read(most)
        return piece

    async def head(self, key: str) -> StoredObject | None:
        """See `ObjectStore.head`."""
        try:
            found = await in_thread(self._client.head_object, Bucket=self._bucket, Key=key)
        except NotFound:
            return None
        labels = dict(found["Metadata"])
        return StoredObject(key, found["ContentLength"], labels.pop(_SHA256, None), labels)

    async def delete(self, *keys: str) -> None:
        """See `ObjectStore.delete`."""
        for start in range(0, len(keys), 1000):
            batch = keys[start : start + 1000]
            reply = await in_thread(
                self._client.delete_objects,
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
            )
            if failed := reply.get("Errors"):  # the reply is a 200 all the same
                raise StorageUnavailable(f"{len(failed)} objects stay: {failed[0].get('Code')}")

    def url(self, key: str, *, filename: str | None = None, seconds: float | None = None) -> str:
        """See `ObjectStore.url`."""
        life = self._url_seconds if seconds is None else _whole_seconds(seconds)
        disposition = None if filename is None else attachment(filename)
        if self._cloudfront is not None:
            return self._cloudfront.url(key, seconds=life, disposition=disposition)
        return self._signed(key, disposition, life, int(time.time() / max(1.0, life / 4)))

    def _sign(self, key: str, disposition: str | None, life: int, _quarter: int) -> str:
        """A new address; it is given out again for a quarter of its life (0.2 ms each)."""
        params = {"Bucket": self._bucket, "Key": key}
        if disposition is not None:
            params["ResponseContentDisposition"] = disposition
        address: str = self._client.generate_presigned_url(
            "get_object", Params=params, ExpiresIn=life
        )
        return address

    def post_form(
        self, key: str, *, content_type: str, max_bytes: int, min_bytes: int = 1, seconds: int
    ) -> PresignedPost:
        """See `ObjectStore.post_form`."""
        form = self._client.generate_presigned_post(
            self._bucket,
            key,
            Fields={"Content-Type": content_type},
            Conditions=[
                {"Content-Type": content_type},
                ["content-length-range", min_bytes, max_bytes],
            ],
            ExpiresIn=seconds,
        )
        policy = json.loads(base64.b64decode(form["fields"]["policy"]))
        return PresignedPost(
            url=form["url"],
            fields=form["fields"],
            expires_at=datetime.fromisoformat(policy["expiration"]),
        )

    async def find(self, prefix: str, *, after: str | None, most: int) -> Sequence[FoundObject]:
        """See `ObjectStore.find`."""
        page = await in_thread(
            self._client.list_objects_v2,
            Bucket=self._bucket,
            Prefix=prefix,
            StartAfter=after or "",
            MaxKeys=most,
        )
        return [
            FoundObject(each["Key"], each["Size"], each["LastModified"])
            for each in page.get("Contents", ())
        ]

    async def abort_multipart(self, *, begun_before: datetime, most: int) -> int:
        """See `ObjectStore.abort_multipart`."""
        page = await in_thread(self._client.list_multipart_uploads, Bucket=self._bucket)
        old = [each for each in page.get("Uploads", ()) if each["Initiated"] < begun_before]
        for each in old[:most]:
            await in_thread(self._abort, each["Key"], each["UploadId"])
        return len(old[:most])

    def _abort(self, key: str, upload_id: str) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except self._client.exceptions.NoSuchUpload:
            return  # it was finished, or aborted, meanwhile

    async def check(self) -> None:
        """See `ObjectStore.check`."""
        try:
            await in_thread(
                self._client.list_objects_v2, Bucket=self._bucket, MaxKeys=1, Prefix="working/"
            )
        except NotFound as error:
            raise StorageUnavailable(str(error)) from error


def _whole_seconds(seconds: float) -> int:
    if not 0 < seconds <= LONGEST_ADDRESS_SECONDS:
        raise ValueError(f"an address lives for 0 to {LONGEST_ADDRESS_SECONDS} s, not {seconds:g}")
    return max(1, int(seconds))

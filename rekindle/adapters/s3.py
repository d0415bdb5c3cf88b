"""S3 and everything that speaks it, through boto3."""

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from rekindle.adapters.cloudfront import CloudFront
from rekindle.adapters.content_disposition import attachment
from rekindle.errors import NotFound, StorageUnavailable
from rekindle.ports.objects import LONGEST_ADDRESS_SECONDS, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

P = ParamSpec("P")
T = TypeVar("T")

_SHA256 = "sha256"
_ABSENT = {"404", "NoSuchKey", "NotFound"}


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
        self._client: S3Client = boto3.client(
            "s3",
            region_name=region,
            endpoint_url=endpoint_url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(
                signature_version="s3v4",
                connect_timeout=timeout or 5,
                read_timeout=timeout or 30,
                retries={"total_max_attempts": 1 if timeout else 3, "mode": "standard"},
                s3={"addressing_style": "path" if endpoint_url else "auto"},
            ),
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
        return await _in_thread(self._put, key, source, content_type, labels or {})

    def _put(
        self, key: str, source: Path, content_type: str, labels: Mapping[str, str]
    ) -> StoredObject:
        with source.open("rb") as body:
            sha256 = hashlib.file_digest(body, "sha256").hexdigest()
            size = body.tell()
            body.seek(0)
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                Metadata={**labels, _SHA256: sha256},
            )
        return StoredObject(key, size, sha256, labels)

    async def fetch_file(self, key: str, target: Path) -> None:
        """See `ObjectStore.fetch_file`."""
        await _in_thread(self._fetch, key, target)

    def _fetch(self, key: str, target: Path) -> None:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        with body, target.open("wb") as file:
            shutil.copyfileobj(body, file, 1 << 20)

    async def head(self, key: str) -> StoredObject | None:
        """See `ObjectStore.head`."""
        try:
            found = await _in_thread(self._client.head_object, Bucket=self._bucket, Key=key)
        except NotFound:
            return None
        labels = dict(found["Metadata"])
        return StoredObject(key, found["ContentLength"], labels.pop(_SHA256, None), labels)

    async def delete(self, *keys: str) -> None:
        """See `ObjectStore.delete`."""
        for start in range(0, len(keys), 1000):
            batch = keys[start : start + 1000]
            await _in_thread(
                self._client.delete_objects,
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
            )

    def url(self, key: str, *, filename: str | None = None, seconds: float | None = None) -> str:
        """See `ObjectStore.url`."""
        life = self._url_seconds if seconds is None else _whole_seconds(seconds)
        disposition = None if filename is None else attachment(filename)
        if self._cloudfront is not None:
            return self._cloudfront.url(key, seconds=life, disposition=disposition)
        params = {"Bucket": self._bucket, "Key": key}
        if disposition is not None:
            params["ResponseContentDisposition"] = disposition
        address: str = self._client.generate_presigned_url(
            "get_object", Params=params, ExpiresIn=life
        )
        return address

    async def check(self) -> None:
        """See `ObjectStore.check`."""
        try:
            await _in_thread(
                self._client.list_objects_v2, Bucket=self._bucket, MaxKeys=1, Prefix="working/"
            )
        except NotFound as error:
            raise StorageUnavailable(str(error)) from error


def _whole_seconds(seconds: float) -> int:
    if not 0 < seconds <= LONGEST_ADDRESS_SECONDS:
        raise ValueError(f"an address lives for 0 to {LONGEST_ADDRESS_SECONDS} s, not {seconds:g}")
    return max(1, int(seconds))


async def _in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            raise NotFound(str(error)) from error
        raise StorageUnavailable(str(error)) from error
    except (BotoCoreError, OSError) as error:
        raise StorageUnavailable(str(error)) from error

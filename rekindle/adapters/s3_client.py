"""A client of S3 and of everything that speaks it; boto works in threads."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from rekindle.errors import NotFound, StorageUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

P = ParamSpec("P")
T = TypeVar("T")

_ABSENT = {"404", "NoSuchKey", "NotFound"}


def s3_client(
    *,
    bucket: str,
    region: str,
    endpoint_url: str | None,
    access_key: str | None,
    secret_key: str | None,
    timeout: float | None,
) -> "S3Client":
    """A client for one bucket; nothing is requested yet. The arguments are those of `S3Store`."""
    return boto3.client(
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
            s3={"addressing_style": "path" if endpoint_url else _aws_style(bucket)},
        ),
    )


def _aws_style(bucket: str) -> Literal["auto", "virtual"]:
    """How a bucket of AWS is addressed.

    "auto" presigns for the global endpoint, which sends browsers on to the bucket's region, and no
    form survives that; with a dot in its name a bucket has no certificate of its own.
    """
    return "auto" if "." in bucket else "virtual"


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call boto in a thread. Raises `NotFound` and `StorageUnavailable` for what boto raises."""
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            raise NotFound(str(error)) from error
        raise StorageUnavailable(str(error)) from error
    except (BotoCoreError, OSError) as error:
        raise StorageUnavailable(str(error)) from error

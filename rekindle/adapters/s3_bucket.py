"""The rules of a bucket of S3, or of what speaks it: who may post from a browser, what expires."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rekindle.adapters.s3_client import in_thread, s3_client
from rekindle.contracts.keys import INCOMING
from rekindle.ports.buckets import BucketRules

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CORSRuleOutputTypeDef,
        CORSRuleTypeDef,
        LifecycleRuleOutputTypeDef,
    )

_PAGES = "rekindle-pages"
_INCOMING = "rekindle-incoming"
_PARTS = "rekindle-parts"
_METHODS = ["GET", "HEAD", "POST"]
_NOT_SET = {"NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"}
_UNKNOWN = {"NotImplemented", "MethodNotAllowed", "501", "405"}
_AGE_SECONDS = 600


class S3Bucket:
    """One bucket's rules (`ports.buckets.Bucket`). Ours are known by their ids."""

    def __init__(
        self,
        *,
        bucket: str,
        region: str,
        endpoint_url: str | None,
        access_key: str | None,
        secret_key: str | None,
        timeout: float | None = None,
    ) -> None:
        """Prepare a client; nothing is requested yet. The arguments are those of `S3Store`."""
        self._bucket = bucket
        self._client = s3_client(
            bucket=bucket,
            region=region,
            endpoint_url=endpoint_url,
            access_key=access_key,
            secret_key=secret_key,
            timeout=timeout,
        )

    async def rules(self) -> BucketRules:
        """See `Bucket.rules`."""
        return await in_thread(self._rules)

    def _rules(self) -> BucketRules:
        origins = [
            origin
            for rule in self._cors()
            if "POST" in rule["AllowedMethods"]
            for origin in rule["AllowedOrigins"]
        ]
        return BucketRules(tuple(dict.fromkeys(origins)), _incoming_days(self._lifecycle() or ()))

    async def open_to(self, origins: Sequence[str]) -> None:
        """See `Bucket.open_to`."""
        await in_thread(self._open_to, origins)

    def _open_to(self, origins: Sequence[str]) -> None:
        ours: CORSRuleTypeDef = {
            "ID": _PAGES,
            "AllowedMethods": _METHODS,
            "AllowedOrigins": list(dict.fromkeys(origins)),
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "Content-Range", "Content-Length"],
            "MaxAgeSeconds": _AGE_SECONDS,
        }
        others = [rule for rule in self._cors() if rule.get("ID") != _PAGES]
        self._client.put_bucket_cors(
            Bucket=self._bucket,
            CORSConfiguration={"CORSRules": [ours, *others]},  # the first that fits decides
        )

    async def expire_incoming(self, days: int) -> bool:
        """See `Bucket.expire_incoming`."""
        return await in_thread(self._expire_incoming, days)

    def _expire_incoming(self, days: int) -> bool:
        known = self._lifecycle()
        if known is None:
            return False
        others = [rule for rule in known if rule.get("ID") not in (_INCOMING, _PARTS)]
        self._client.put_bucket_lifecycle_configuration(
            Bucket=self._bucket,
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": _INCOMING,
                        "Status": "Enabled",
                        "Filter": {"Prefix": INCOMING},
                        "Expiration": {"Days": days},
                    },
                    {
                        "ID": _PARTS,
                        "Status": "Enabled",
                        "Filter": {"Prefix": ""},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
                    },
                    *others,
                ]
            },
        )
        return True

    def _cors(self) -> Sequence["CORSRuleOutputTypeDef"]:
        try:
            return self._client.get_bucket_cors(Bucket=self._bucket)["CORSRules"]
        except ClientError as error:
            if _code(error) in _NOT_SET | _UNKNOWN:
                return ()
            raise

    def _lifecycle(self) -> Sequence["LifecycleRuleOutputTypeDef"] | None:
        """Every rule; None where the store has no such thing."""
        try:
            reply = self._client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) in _NOT_SET:
                return ()
            if _code(error) in _UNKNOWN:
                return None
            raise
        return reply["Rules"]


def _incoming_days(rules: Sequence["LifecycleRuleOutputTypeDef"]) -> int | None:
    for rule in rules:
        if rule.get("ID") == _INCOMING and rule["Status"] == "Enabled":
            expiration: Mapping[str, object] = rule.get("Expiration", {})
            days = expiration.get("Days")
            return days if isinstance(days, int) else None
    return None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))

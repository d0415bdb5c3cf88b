"""AWS Signature Version 4 of a request's headers, checked."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from simulators.runpod.s3.refusal import Refusal

_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} Credential=(?P<key>[^/]+)/(?P<day>\d{{8}})/(?P<region>[^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=(?P<names>[\w;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW_SECONDS = 3600.0


def check(
    method: str,
    raw_path: str,
    raw_query: str,
    headers: Mapping[str, str],
    *,
    keys: Mapping[str, str],
    region: str,
    now: datetime,
) -> None:
    """Return when a request is signed by one of the keys.

    Args:
        method: As sent.
        raw_path: As sent, percent-encoded.
        raw_query: As sent, without the question mark.
        headers: By lower-case name.
        keys: Secret by access key.
        region: That it must be signed for: the data centre's id.
        now: The time, aware.

    Raises:
        Refusal: 403.
    """
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        raise Refusal(403, "AccessDenied", "The request is not signed in its headers.")
    secret = keys.get(found["key"])
    if secret is None:
        raise Refusal(403, "InvalidAccessKeyId", "The access key does not exist.")
    stamp = headers.get("x-amz-date", "")
    _check_time(stamp, found["day"], now)
    if found["region"] != region:
        raise Refusal(403, "SignatureDoesNotMatch", f"The region must be {region}.")
    names = found["names"].split(";")
    request = _canonical(method, raw_path, raw_query, headers, names)
    scope = f"{found['day']}/{region}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join((_ALGORITHM, stamp, scope, digest))
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    if "host" not in names or not hmac.compare_digest(key.hex(), found["signature"]):
        raise Refusal(403, "SignatureDoesNotMatch", "The signature does not match.")


def _check_time(stamp: str, day: str, now: datetime) -> None:
    try:
        sent = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(403, "AccessDenied", "x-amz-date is missing or malformed.") from None
    if not stamp.startswith(day) or abs((now - sent).total_seconds()) > _SKEW_SECONDS:
        raise Refusal(403, "RequestTimeTooSkewed", "The clocks are more than an hour apart.")


def _canonical(
    method: str, raw_path: str, raw_query: str, headers: Mapping[str, str], names: list[str]
) -> str:
    pairs = sorted(pair.partition("=")[::2] for pair in raw_query.split("&") if pair)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    told = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names)
    payload = headers.get("x-amz-content-sha256", "")
    return "\n".join((method, raw_path, query, told, ";".join(names), payload))


def parameters(raw_query: str) -> dict[str, str]:
    """The parameters of a query string; one without a value is the empty string."""
    pairs = (pair.partition("=") for pair in raw_query.split("&") if pair)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}

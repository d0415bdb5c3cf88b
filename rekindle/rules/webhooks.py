"""Outbound webhooks by the Standard Webhooks specification: secrets, signatures, bodies, waits.

An endpoint's secret is derived from `SECRET_KEY`, its id and how often it was rotated, so that no
secret is stored anywhere. A new `SECRET_KEY` is therefore a new secret for every endpoint.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from rekindle.contracts.webhooks import WebhookType
from rekindle.rules.addresses import is_private_number

PREFIX = "whsec_"
MOST_ENDPOINTS = 10
"""How many endpoints one user may have."""
LONGEST_URL = 2000
OVERLAP = timedelta(hours=24)
"""How long after a rotation messages are also signed with the secret before."""
DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Waits between tries, three days in all: the ones that the specification suggests."""
GONE = 410
"""With this status an endpoint says that it wants to be told nothing more."""


def secret(secret_key: str, endpoint_id: UUID, rotation: int) -> bytes:
    """The key that messages to an endpoint are signed with, 32 bytes.

    Args:
        secret_key: the setting.
        endpoint_id: whose it is.
        rotation: how often it was changed.
    """
    what = f"webhook-endpoint:{endpoint_id}:{rotation}"
    return hmac.digest(secret_key.encode(), what.encode(), "sha256")


def secret_text(key: bytes) -> str:
    """A secret as its owner is shown it, and as libraries of the specification take it."""
    return PREFIX + base64.b64encode(key).decode()


def signing_keys(
    secret_key: str, endpoint_id: UUID, rotation: int, rotated_at: datetime | None, now: datetime
) -> list[bytes]:
    """The keys that a message is signed with: the present one, and for a while the one before."""
    rotations = [rotation]
    if rotation > 0 and rotated_at is not None and now < rotated_at + OVERLAP:
        rotations.append(rotation - 1)
    return [secret(secret_key, endpoint_id, each) for each in rotations]


def message_id(delivery_id: UUID) -> str:
    """The `webhook-id`: the same for every try, so that a receiver knows a repeat."""
    return f"msg_{delivery_id.hex}"


def body(
    webhook_type: WebhookType,
    *,
    happened_at: datetime,
    job_id: UUID | None,
    album_id: UUID | None = None,
    subject_id: UUID,
    error_code: str | None,
) -> bytes:
    """What is sent: ids and words, nothing of a person. The same for every try.

    Args:
        webhook_type: what happened.
        happened_at: when.
        job_id: to which job; None of an order over several photos.
        album_id: of such an order; None when its album was gone.
        subject_id: the attempt or order.
        error_code: of a failed attempt.
    """
    noun, _, status = webhook_type.partition(".")
    places = {"job_id": job_id, "album_id": album_id}
    data = {name: str(place) for name, place in places.items() if place is not None}
    data |= {f"{noun}_id": str(subject_id), "status": status}
    if error_code is not None:
        data["error_code"] = error_code
    stamp = happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    message = {"type": str(webhook_type), "timestamp": stamp, "data": data}
    return json.dumps(message, separators=(",", ":")).encode()


def signature(key: bytes, message: str, timestamp: int, payload: bytes) -> str:
    """One `v1` signature.

    Args:
        key: the raw secret.
        message: the `webhook-id`.
        timestamp: of sending, seconds.
        payload: the body, byte for byte.
    """
    signed = b".".join((message.encode(), str(timestamp).encode(), payload))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def headers(
    keys: Sequence[bytes], message: str, sent_at: datetime, payload: bytes
) -> dict[str, str]:
    """The headers of one try.

    Args:
        keys: it is signed with each of them.
        message: the `webhook-id`.
        sent_at: the time of this try; receivers refuse old ones.
        payload: the body.
    """
    timestamp = int(sent_at.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": "Rekindle-Webhooks/1",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(k, message, timestamp, payload) for k in keys),
    }


def refusal_of_url(url: str, *, allow_private: bool) -> str | None:
    """Why an address cannot be an endpoint; None when it may.

    What its host resolves to is judged at each connection, not here.

    Args:
        url: as its owner wrote it.
        allow_private: development: plain HTTP is taken as well.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is not an address"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "it holds characters that an address may not have; write it percent-encoded"
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        return "it does not begin with https://"
    if not host or port == 0:
        return "it names no host and port"
    if not allow_private and (is_private_number(host) or host.rstrip(".") == "localhost"):
        return "its host is not on the internet"
    if "@" in parts.netloc or "#" in url:
        return "it holds a user name or a fragment"
    return None

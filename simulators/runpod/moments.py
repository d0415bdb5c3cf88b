"""Moments as RunPod writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC, such as ``2026-06-01T12:00:00.25Z``."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace(".000", "").replace("+00:00", "Z")


def unix_seconds(text: str) -> float:
    """Read RFC 3339.

    Raises:
        ValueError: It is something else, or says no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no offset from UTC: {text}")
    return moment.timestamp()

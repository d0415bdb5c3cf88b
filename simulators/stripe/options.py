"""What the command line decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "acct_1Simulated0Account"
API_VERSION = "2026-10-28.endive"
"""The version whose shapes are answered, whatever version a request names."""


@dataclass(frozen=True)
class Endpoint:
    """Where events are sent.

    Attributes:
        url: An http address.
        secret: Signs the events; the receiver verifies with the same.
    """

    url: str
    secret: str


@dataclass(frozen=True)
class Options:
    """Settings of one simulator.

    Attributes:
        data: Folder of the journal; the same folder is the same account again.
        api_key: The account's secret key, ``sk_test_...``.
        account: The account's id.
        webhook: Where events are sent; None: nowhere.
        webhook_seconds: How long the receiver may take to answer, in real seconds.
        retry_scale: Factor on the gaps between the attempts to deliver an event.
        bank_seconds: How long a payment by bank takes to succeed or fail.
        url: Where browsers reach this simulator.
        is_frozen: Time moves only through ``POST /simulator/clock``.
    """

    data: Path
    api_key: str
    account: str = ACCOUNT
    webhook: Endpoint | None = None
    webhook_seconds: float = 10.0
    retry_scale: float = 1.0
    bank_seconds: float = 60.0
    url: str = "http://127.0.0.1:8092"
    is_frozen: bool = False

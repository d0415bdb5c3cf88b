"""Which web pages may post to the bucket."""

from typing import Any

import pytest

from rekindle.contracts import keys
from rekindle.ports.buckets import BucketRules
from rekindle.settings import Settings

PAGES = ["https://app.example", "http://127.0.0.1:8000"]


@pytest.mark.parametrize(
    ("allowed", "closed"),
    [
        ((), PAGES),
        (("https://app.example",), ["http://127.0.0.1:8000"]),
        (("https://app.example", "http://127.0.0.1:8000"), []),
        (("*",), []),
        (("https://*.example",), ["http://127.0.0.1:8000"]),
        (("https://app.example.org", "http://127.0.0.1"), PAGES),
    ],
    ids=["none", "one", "both", "everybody", "a star", "others"],
)
def test_pages_are_let_in_by_their_origin(allowed: tuple[str, ...], closed: list[str]) -> None:
    assert BucketRules(allowed).closed_to(PAGES) == closed


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ({}, ("http://127.0.0.1:8000",)),
        ({"cors_origins": "https://a.example, https://b.example"}, None),
        ({"public_url": "https://api.example/rekindle/"}, ("https://api.example",)),
        (
            {"public_url": "https://a.example", "cors_origins": "https://a.example"},
            ("https://a.example",),
        ),
    ],
    ids=["defaults", "pages", "a path", "the same"],
)
def test_our_own_pages_and_those_that_may_call_the_api_may_post(
    given: dict[str, Any], origins: tuple[str, ...] | None
) -> None:
    expected = origins or ("https://a.example", "https://b.example", "http://127.0.0.1:8000")
    assert Settings(_env_file=None, **given).page_origins == expected


@pytest.mark.parametrize(
    "key",
    [
        "incoming/",
        "incoming/x",
        "working/5d0f8a3e-61c7-4b0e-9b1d-0c2f7e4a9d33",
        "5d0f8a3e-61c7-4b0e-9b1d-0c2f7e4a9d33",
        "incoming/5D0F8A3E-61C7-4B0E-9B1D-0C2F7E4A9D33",
        "incoming/5d0f8a3e-61c7-4b0e-9b1d-0c2f7e4a9d33.jpg",
    ],
)
def test_other_keys_are_of_no_upload(key: str) -> None:
    assert keys.upload_of(key) is None

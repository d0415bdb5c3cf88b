"""What a form for the bucket says, word for word. Nothing is asked of any store."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rekindle.adapters.s3 import S3Store
from rekindle.ports.objects import PresignedPost

KEY = "incoming/5d0f8a3e-61c7-4b0e-9b1d-0c2f7e4a9d33"


def store(bucket: str = "media", region: str = "eu-central-1", **changed: Any) -> S3Store:
    given: dict[str, Any] = {
        "endpoint_url": None,
        "access_key": "AKEXAMPLE",
        "secret_key": "s" * 40,
        "url_seconds": 60,
    }
    return S3Store(bucket=bucket, region=region, **given | changed)


def form(of: S3Store | None = None, **changed: Any) -> PresignedPost:
    given: dict[str, Any] = {"content_type": "image/jpeg", "max_bytes": 1000, "seconds": 600}
    return (of or store()).post_form(KEY, **given | changed)


def policy(of: PresignedPost) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.b64decode(of.fields["policy"]))
    return document


def test_the_policy_binds_key_type_size_and_bucket_and_nothing_is_left_open() -> None:
    given = form()
    signed = {"x-amz-algorithm", "x-amz-credential", "x-amz-date"}
    conditions = policy(given)["conditions"]
    assert [each for each in conditions if isinstance(each, list)] == [
        ["content-length-range", 1, 1000]
    ]
    equal: dict[str, str] = {}
    for each in conditions:
        if isinstance(each, dict):
            assert not equal.keys() & each.keys()
            equal |= each
    assert equal == {
        "key": KEY,
        "Content-Type": "image/jpeg",
        "bucket": "media",
        **{name: given.fields[name] for name in signed},
    }


def test_the_form_has_no_field_beyond_those_of_the_policy() -> None:
    given = form()
    named = {
        name for each in policy(given)["conditions"] if isinstance(each, dict) for name in each
    }
    assert given.fields.keys() - {"policy", "x-amz-signature"} == named - {"bucket"}
    assert given.fields["key"] == KEY
    assert given.fields["Content-Type"] == "image/jpeg"


def test_where_the_size_is_known_no_other_is_allowed() -> None:
    told = policy(form(min_bytes=77, max_bytes=77))
    assert ["content-length-range", 77, 77] in told["conditions"]


@pytest.mark.parametrize("seconds", [60, 600, 3600])
def test_the_form_ends_when_it_says(seconds: int) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    given = form(seconds=seconds)
    after = datetime.now(UTC)
    length = timedelta(seconds=seconds)
    assert before + length <= given.expires_at <= after + length
    assert datetime.fromisoformat(policy(given)["expiration"]) == given.expires_at


def test_a_form_is_not_shown_by_accident() -> None:
    given = form()
    for secret in (given.fields["policy"], given.fields["x-amz-signature"], "AKEXAMPLE"):
        assert secret not in repr(given)
    assert "s" * 40 not in json.dumps(dict(given.fields))


@pytest.mark.parametrize(
    ("bucket", "region", "host"),
    [
        ("media", "eu-central-1", "https://media.s3.eu-central-1.amazonaws.com/"),
        ("media", "us-east-1", "https://media.s3.amazonaws.com/"),
        ("me.dia", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/me.dia"),
    ],
    ids=["its region", "the first region", "a dot"],
)
def test_a_form_goes_to_the_region_of_its_bucket(bucket: str, region: str, host: str) -> None:
    """From the global endpoint a browser would be sent on, and would leave the form behind."""
    assert form(store(bucket, region)).url == host


def test_a_store_of_ones_own_is_addressed_by_its_own_name() -> None:
    own = store(endpoint_url="http://127.0.0.1:8333")
    assert form(own).url == "http://127.0.0.1:8333/media"

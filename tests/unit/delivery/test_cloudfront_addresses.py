"""Addresses as CloudFront's manual describes them, "Create a signed URL using a canned policy"."""

import base64
import re
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1

from rekindle.adapters.cloudfront import CloudFront

NOW = 1_800_000_007.25
SIGNED = re.compile(
    r"(?P<address>.+)[?&]Expires=(?P<ends>\d+)"
    r"&Signature=(?P<signature>[A-Za-z0-9~_-]+)&Key-Pair-Id=(?P<key>\w+)"
)


def ends(url: str) -> int:
    match = SIGNED.fullmatch(url)
    assert match, url
    return int(match["ends"])


def verify(url: str, key: RSAPrivateKey, *, address: str | None = None) -> None:
    """Check the signature as CloudFront does: over the policy, made of the address as it came.

    Args:
        address: another one, to which the signature must not apply.
    """
    match = SIGNED.fullmatch(url)
    assert match, url
    resource = address or match["address"]
    policy = (
        '{"Statement":[{"Resource":"' + resource + '","Condition":'
        '{"DateLessThan":{"AWS:EpochTime":' + match["ends"] + "}}}]}"
    )
    # The manual: of base64, + becomes -, = becomes _, / becomes ~.
    plain = match["signature"].translate(str.maketrans("-_~", "+=/"))
    signature = base64.b64decode(plain, validate=True)
    key.public_key().verify(signature, policy.encode(), PKCS1v15(), SHA1())  # noqa: S303


def test_an_address_is_signed_by_our_key_over_the_canned_policy(
    make_cloudfront: Any, key: RSAPrivateKey
) -> None:
    url = make_cloudfront().url("restored/a/b.jpg", seconds=600)
    assert url.startswith("https://d111111abcdef8.cloudfront.net/restored/a/b.jpg?Expires=")
    assert url.endswith("&Key-Pair-Id=K2JCJMDEHXQW5F")
    verify(url, key)


def test_a_signature_opens_no_object_but_its_own(make_cloudfront: Any, key: RSAPrivateKey) -> None:
    url = make_cloudfront().url("restored/a/s.jpg", seconds=600)
    host = "https://d111111abcdef8.cloudfront.net"
    for other in ("/restored/a/s_master.png", "/restored/a/*", "/restored/a/s.jpg?x=1"):
        with pytest.raises(InvalidSignature):
            verify(url, key, address=host + other)


@pytest.mark.parametrize("seconds", [1, 2, 3, 5, 8, 60, 300, 599, 600])
@pytest.mark.parametrize("offset", [0.0, 0.999, 74.5, 149.99, 299.0])
def test_an_address_never_outlives_its_seconds_and_keeps_most_of_them(
    seconds: int, offset: float, make_cloudfront: Any
) -> None:
    now = NOW + offset
    life = ends(make_cloudfront(now=lambda: now).url("k", seconds=seconds)) - now
    assert life <= seconds
    assert life > seconds * 0.75 - 1


def test_within_a_quarter_of_its_life_an_address_stays_the_same_in_every_process(
    make_cloudfront: Any,
) -> None:
    clock = [1_800_000_000.0]
    one, other = make_cloudfront(now=lambda: clock[0]), make_cloudfront(now=lambda: clock[0])
    first = one.url("k", seconds=600)
    clock[0] += 149
    assert one.url("k", seconds=600) == other.url("k", seconds=600) == first
    clock[0] += 1
    assert ends(one.url("k", seconds=600)) == ends(first) + 150


@pytest.mark.parametrize(
    ("object_key", "path"),
    [
        ("a b/c+d.png", "/a%20b/c%2Bd.png"),
        ("what?*.png", "/what%3F%2A.png"),
        ("a#b&c=d%2e;'\"<\\>", "/a%23b%26c%3Dd%252e%3B%27%22%3C%5C%3E"),
        ("größe/写真~x_y-z.jpg", "/gr%C3%B6%C3%9Fe/%E5%86%99%E7%9C%9F~x_y-z.jpg"),
        ("line\r\nbreak", "/line%0D%0Abreak"),
    ],
)
def test_odd_characters_of_a_key_are_quoted_before_they_are_signed(
    object_key: str, path: str, make_cloudfront: Any, key: RSAPrivateKey
) -> None:
    url = make_cloudfront().url(object_key, seconds=60)
    assert urlsplit(url).path == path
    assert unquote(path) == f"/{object_key}"
    verify(url, key)


def test_a_file_name_is_part_of_what_is_signed(make_cloudfront: Any, key: RSAPrivateKey) -> None:
    url = make_cloudfront().url("k", seconds=60, disposition='attachment; filename="a b.png"')
    query = urlsplit(url).query
    name = "attachment%3B%20filename%3D%22a%20b.png%22"
    assert query.startswith(f"response-content-disposition={name}&Expires=")
    verify(url, key)
    with pytest.raises(InvalidSignature):
        verify(url, key, address="https://d111111abcdef8.cloudfront.net/k")


@pytest.mark.parametrize(
    ("domain", "start"),
    [
        ("media.example.com", "https://media.example.com/k?"),
        ("https://media.example.com/", "https://media.example.com/k?"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/k?"),
        ("http://[::1]:8080", "http://[::1]:8080/k?"),
    ],
)
def test_a_domain_may_be_an_address_and_is_https_beyond_this_machine(
    domain: str, start: str, make_cloudfront: Any
) -> None:
    assert make_cloudfront(domain=domain).url("k", seconds=9).startswith(start)


def cpu_seconds(cloudfront: CloudFront, keys: list[str]) -> float:
    before = time.thread_time()
    for each in keys:
        cloudfront.url(each, seconds=600)
    return time.thread_time() - before


def test_a_page_asked_for_again_costs_a_small_part_of_its_signatures(
    make_cloudfront: Any,
) -> None:
    """The processor time of this thread alone, so that a loaded machine does not matter."""
    cloudfront, keys = make_cloudfront(), [f"restored/job/{n}.jpg" for n in range(200)]
    first = cpu_seconds(cloudfront, keys)
    assert min(cpu_seconds(cloudfront, keys) for _ in range(5)) < first / 2

"""Signatures, bodies and secrets of webhooks; which addresses may be an endpoint."""

import base64
import ipaddress
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from rekindle.contracts.webhooks import WebhookType
from rekindle.rules.addresses import is_public
from rekindle.rules.webhooks import (
    DELAYS,
    LONGEST_URL,
    OVERLAP,
    body,
    headers,
    refusal_of_url,
    secret,
    secret_text,
    signature,
    signing_keys,
)

KEY = "s" * 32
ID = UUID(int=7)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of the libraries of Standard Webhooks."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    message, timestamp = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330  # pragma: allowlist secret
    signed = signature(key, message, timestamp, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_shown_as_libraries_take_it() -> None:
    key = secret(KEY, ID, 0)
    shown = secret_text(key)
    assert shown.startswith("whsec_")
    assert base64.b64decode(shown.removeprefix("whsec_"), validate=True) == key
    assert 24 <= len(key) <= 64  # what the specification asks for


def test_every_endpoint_every_rotation_and_every_deployment_has_its_own_secret() -> None:
    wanted = [(KEY, ID, 0), (KEY, ID, 1), (KEY, UUID(int=8), 0), ("t" * 32, ID, 0)]
    assert len({secret(*each) for each in wanted}) == len(wanted)
    assert secret(KEY, ID, 3) == secret(KEY, ID, 3)


@pytest.mark.parametrize(
    ("rotation", "rotated_at", "rotations"),
    [
        (0, None, [0]),
        (1, NOW, [1, 0]),
        (3, NOW - OVERLAP + timedelta(seconds=1), [3, 2]),
        (3, NOW - OVERLAP, [3]),
    ],
)
def test_after_a_rotation_the_secret_before_is_good_for_a_while(
    rotation: int, rotated_at: datetime | None, rotations: list[int]
) -> None:
    keys = signing_keys(KEY, ID, rotation, rotated_at, NOW)
    assert keys == [secret(KEY, ID, each) for each in rotations]


def test_headers_carry_the_id_the_time_of_sending_and_a_signature_by_each_key() -> None:
    found = headers([b"a", b"b"], "msg_1", NOW, b"{}")
    assert (found["webhook-id"], found["webhook-timestamp"]) == ("msg_1", "1767323045")
    assert found["webhook-signature"].split(" ") == [
        signature(key, "msg_1", 1767323045, b"{}") for key in (b"a", b"b")
    ]


@pytest.mark.parametrize("kind", list(WebhookType))
def test_a_body_holds_ids_and_words_alone(kind: WebhookType) -> None:
    noun, _, status = kind.partition(".")
    made = body(kind, happened_at=NOW, job_id=ID, subject_id=UUID(int=9), error_code=None)
    assert json.loads(made) == {
        "type": kind.value,
        "timestamp": "2026-01-02T03:04:05.678901Z",
        "data": {"job_id": str(ID), f"{noun}_id": str(UUID(int=9)), "status": status},
    }


@pytest.mark.parametrize("album_id", [UUID(int=7), None], ids=["album", "no-album"])
def test_a_body_of_an_order_over_several_photos_names_no_job(album_id: UUID | None) -> None:
    made = body(
        WebhookType.ORDER_REFUNDED,
        happened_at=NOW,
        job_id=None,
        album_id=album_id,
        subject_id=ID,
        error_code=None,
    )
    place = {"album_id": str(album_id)} if album_id else {}
    assert json.loads(made)["data"] == {**place, "order_id": str(ID), "status": "refunded"}


def test_it_is_sent_again_for_three_days_each_time_later() -> None:
    assert timedelta(days=3) <= sum(DELAYS, timedelta()) <= timedelta(days=4)
    assert list(DELAYS) == sorted(DELAYS)


@pytest.mark.parametrize(
    "url",
    [
        "http://album.example/hook",
        "ftp://album.example/",
        "album.example/hook",
        "//album.example/",
        "https://",
        "https:///hook",
        "https://user:word@album.example/",  # pragma: allowlist secret
        "https://album.example/#part",
        "https://album.example:0/",
        "https://album.example:99999/",
        "https://album.example:port/",
        "https://album.example/a b",
        "https://album.example/\r\nx: y",
        "https://album.example\\@127.0.0.1/",
        "https://älbum.example/",
        "https://[::1/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost:8000/",
        "https://LOCALHOST./",
        "javascript:alert(1)",
    ],
)
def test_what_cannot_be_an_endpoint_is_refused(url: str) -> None:
    assert refusal_of_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://album.example/hook",
        "https://album.example:8443/hook?token=x%20y",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://xn--lbum-5qa.example/",
        "https://album.example/" + "a" * (LONGEST_URL - 22),
    ],
)
def test_what_can_be_an_endpoint_is_taken(url: str) -> None:
    assert refusal_of_url(url, allow_private=False) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "https://localhost/", "http://[::1]/"])
def test_development_may_use_its_own_machine(url: str) -> None:
    assert refusal_of_url(url, allow_private=True) is None
    assert refusal_of_url("file:///etc/passwd", allow_private=True)


PRIVATE = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "198.20.0.1",
    "203.0.114.1",
    "223.255.255.254",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_somebodys_on_the_internet_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))

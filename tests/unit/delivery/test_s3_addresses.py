"""Presigned addresses: kept for a quarter of their life."""

from rekindle.adapters.s3 import S3Store

STORE = S3Store(
    bucket="media",
    region="us-east-1",
    endpoint_url="http://127.0.0.1:9",
    access_key="a",
    secret_key="b",
    url_seconds=600,
)


def test_an_address_that_is_asked_for_again_is_the_same_for_a_while() -> None:
    # The quarter may end between two calls, once.
    assert len({STORE.url("restored/a.jpg") for _ in range(5)}) <= 2


def test_objects_names_and_lives_have_addresses_of_their_own() -> None:
    addresses = {
        STORE.url("restored/a.jpg"),
        STORE.url("restored/b.jpg"),
        STORE.url("restored/a.jpg", filename="a.jpg"),
        STORE.url("restored/a.jpg", seconds=60),
    }
    assert len(addresses) == 4

"""What strangers send is read or refused in our own words; no parser has a third answer."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from comfy_graphs import GraphPack, complete, load_pack
from comfy_graphs.manifest import Manifest
from rekindle.adapters.stripe import StripePayments
from rekindle.errors import InvalidRequest, ParameterOutOfRange, WebhookForged
from simulators.stripe.webhooks.signature import signature_header

NOW = 1_800_000_000
SECRET = "whsec_ofTheParsers"
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "created": NOW - 5,
    "livemode": False,
    "data": {
        "object": {
            "id": "cs_test_1",
            "object": "checkout.session",
            "metadata": {"order_id": "0190f3a0-0000-7000-8000-000000000001"},
            "payment_intent": "pi_1",
        }
    },
}

plain = st.booleans() | st.floats() | st.integers() | st.text(max_size=20)
anything = st.recursive(
    st.none() | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def places(document: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a document."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(document, dict):
        inner = list(document.items())
    elif isinstance(document, list):
        inner = list(enumerate(document))
    return [path, *(way for key, value in inner for way in places(value, (*path, key)))]


def replaced(document: Any, path: tuple[Any, ...], value: object) -> Any:
    """The document with another value at one place."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(document[path[0]], path[1:], value)
    return copy


@pytest.fixture(scope="module")
def account() -> StripePayments:
    return StripePayments(
        key="sk" + "_test_0123456789", webhook_secret=SECRET, now=lambda: float(NOW)
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_signed_event_with_anything_in_it_is_told_or_forged(
    account: StripePayments, data: st.DataObject
) -> None:
    changed = replaced(EVENT, data.draw(st.sampled_from(places(EVENT))), data.draw(anything))
    body = json.dumps(changed).encode()
    with contextlib.suppress(WebhookForged):
        account.verify(body, signature_header(body, SECRET, NOW))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=st.binary(max_size=200), header=st.text(max_size=60))
def test_nothing_unsigned_is_an_event(account: StripePayments, body: bytes, header: str) -> None:
    with pytest.raises(WebhookForged):
        account.verify(body, header)


@pytest.fixture(scope="module")
def pack() -> GraphPack:
    return load_pack("restore_classic")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_wish_is_bound_or_refused(pack: GraphPack, data: st.DataObject) -> None:
    known = [parameter.name for parameter in pack.manifest.parameters]
    names = st.sampled_from(known) | st.text(max_size=10)
    wish = data.draw(st.dictionaries(names, plain, max_size=4))
    with contextlib.suppress(InvalidRequest, ParameterOutOfRange):
        complete(pack, wish, seed=1)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_manifest_with_anything_in_it_is_read_or_invalid(
    pack: GraphPack, data: st.DataObject
) -> None:
    good = json.loads(pack.manifest.model_dump_json(by_alias=True, exclude_none=True))
    assert Manifest.model_validate(good) == pack.manifest
    changed = replaced(good, data.draw(st.sampled_from(places(good))), data.draw(anything))
    with contextlib.suppress(ValidationError):
        Manifest.model_validate(changed)

"""Tokens made to mislead: forged, malformed, oversized, bringing their own key."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from rekindle.adapters.oidc.verifier import read_header
from rekindle.errors import ExpiredToken, InvalidToken
from tests.unit.oidc.conftest import NOW, World


async def test_alg_none_is_refused_without_asking_anybody(world: World) -> None:
    token = await world.token()
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt","kid":"x"}').decode()
    payload = token.split(".")[1]
    for forged in (f"{header}.{payload}.", f"{header}.{payload}.AAAA", f"{header}.{payload}"):
        with pytest.raises(InvalidToken):
            await world.verifier.verify(forged)
    assert world.wire.asked == []


async def test_the_public_key_is_no_shared_secret(world: World) -> None:
    await world.verifier.check()
    for text in (world.ring.signing_key.as_pem(private=False), b"k" * 32):
        # Made from raw bytes: an import would notice that this is a public key.
        secret = OctKey(text, text)
        for alg in ("HS256", "HS384", "HS512"):
            with pytest.raises(InvalidToken, match="another algorithm"):
                await world.verifier.verify(world.sign(world.claims(), {"alg": alg}, secret))


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256"])
async def test_only_two_algorithms_are_accepted(world: World, alg: str) -> None:
    with pytest.raises(InvalidToken, match="another algorithm"):
        await world.verifier.verify(world.sign(world.claims(), {"alg": alg}))


async def test_a_key_is_used_for_its_own_algorithm_only(world: World) -> None:
    mine = ECKey.generate_key("P-256")
    with pytest.raises(InvalidToken):
        await world.verifier.verify(world.sign(world.claims(), {"alg": "ES256"}, mine))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["x-new"], "x-new": 1},
        {"crit": ["exp"], "exp": NOW},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"cty": "JWT"},
    ],
)
async def test_critical_extensions_are_refused(world: World, header: dict[str, Any]) -> None:
    await world.verifier.check()
    good = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": world.ring.signing_key.kid} | header)
    payload = json.dumps(world.claims()).encode()
    signed = b".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=") for part in (good.encode(), payload)
    )
    signature = jws.JWSRegistry.algorithms["RS256"].sign(signed, world.ring.signing_key)
    tail = base64.urlsafe_b64encode(signature).rstrip(b"=")
    with pytest.raises(InvalidToken, match="header has a member"):
        await world.verifier.verify(f"{signed.decode()}.{tail.decode()}")


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "RSA"}},
        {"kid": None},
        {"kid": ""},
        {"kid": 7},
    ],
)
async def test_a_token_that_brings_or_hides_its_key_is_refused_unasked(
    world: World, header: dict[str, Any]
) -> None:
    good = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": "x"} | header).encode()
    head = base64.urlsafe_b64encode(good).rstrip(b"=").decode()
    with pytest.raises(InvalidToken):
        await world.verifier.verify(f"{head}.e30.AAAA")
    assert world.wire.asked == []


@pytest.mark.parametrize(
    "rest", ["", ".e30", ".e30.", ".e30.AA.AA.AA", ".e30.A=", ".%.A", ".e30.A\n"]
)
async def test_what_is_not_three_parts_is_refused_unasked(world: World, rest: str) -> None:
    head = (await world.token()).split(".")[0]
    with pytest.raises(InvalidToken, match="not a signed JWT"):
        await world.verifier.verify(head + rest)
    assert world.wire.asked == []


async def test_an_oversized_token_is_refused_unasked(world: World) -> None:
    token = world.sign(world.claims(scope="x" * 9000))
    with pytest.raises(InvalidToken, match="too long"):
        await world.verifier.verify(token)
    assert world.wire.asked == []


async def test_a_header_or_payload_nested_without_end_is_refused(world: World) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2500).rstrip(b"=").decode()
    with pytest.raises(InvalidToken):
        await world.verifier.verify(f"{deep}.e30.AAAA")
    header = {"alg": "RS256", "typ": "at+jwt", "kid": world.ring.signing_key.kid}
    for payload in (b"[" * 2500, b"[]", b"1" * 5000, b"\xff", b'{"exp":' + b"9" * 5000 + b"}"):
        token = jws.serialize_compact(header, payload, world.ring.signing_key, ["RS256"])
        with pytest.raises(InvalidToken):
            await world.verifier.verify(token)


_BASE64URL = st.text("ABCabc123-_", max_size=30)


@given(st.text() | st.tuples(_BASE64URL, _BASE64URL, _BASE64URL).map(".".join))
def test_no_text_is_accepted_by_accident(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_header(text)


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(_json | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit"]), _json))
def test_no_header_is_accepted_by_accident(header: object) -> None:
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    with pytest.raises(InvalidToken):
        read_header(f"{head}.e30.AAAA")


async def test_errors_never_repeat_the_token(world: World, foreign_key: RSAKey) -> None:
    await world.verifier.check()
    tokens = [
        world.sign(world.claims(aud="canary")),
        world.sign(world.claims(iss="canary")),
        world.sign(world.claims(), {"kid": "canary"}, foreign_key),
        world.sign(world.claims(), {"typ": "canary"}),
        world.sign(world.claims(canary="canary", exp=NOW - 100)),
    ]
    for token in tokens:
        with pytest.raises((InvalidToken, ExpiredToken)) as refused:
            await world.verifier.verify(token)
        error: BaseException | None = refused.value
        while error is not None:
            assert "canary" not in str(error)
            assert not any(part in str(error) for part in token.split("."))
            error = error.__cause__

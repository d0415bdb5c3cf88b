"""The issuer's documents: discovery and key set, good, bad and elsewhere."""

import base64
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from starlette.datastructures import URL
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from rekindle.adapters.oidc import OidcVerifier
from rekindle.adapters.oidc.documents import usable_keys
from rekindle.errors import InvalidToken, IssuerUnavailable
from tests.unit.oidc.conftest import AUDIENCE, DISCOVERY, ISSUER, JWKS, NOW, POLICY, World


def serving(pages: dict[str, object]) -> httpx.ASGITransport:
    """An issuer made of fixed pages, for documents that a sound issuer never sends."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        page = pages.get(str(URL(scope=scope)), Response(status_code=404))
        answer = page if isinstance(page, Response) else JSONResponse(page)
        await answer(scope, receive, send)

    return httpx.ASGITransport(app)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": ISSUER.rstrip("/"), "jwks_uri": JWKS},
        {"issuer": "https://tenant.example/", "jwks_uri": JWKS},
        {"jwks_uri": JWKS},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": 7},
        {"issuer": ISSUER, "jwks_uri": "http://example.org/jwks.json"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER, "jwks_uri": "http://user@127.0.0.1:9100/.well-known/jwks.json"},
        {"issuer": ISSUER, "jwks_uri": "http://[::1"},
        [],
        RedirectResponse(JWKS),
    ],
)
async def test_a_discovery_document_that_is_not_ours_is_not_followed(
    world: World, document: object
) -> None:
    keys = {"keys": [world.ring.signing_key.as_dict(private=False)]}
    pages = {DISCOVERY: document, JWKS: keys}
    verifier = OidcVerifier(ISSUER, AUDIENCE, transport=serving(pages), clock=world.clock)
    with pytest.raises(IssuerUnavailable):
        await verifier.verify(await world.token())


@pytest.mark.parametrize("fault", ["status", "size", "redirect", "array", "empty", "html"])
async def test_a_key_set_that_cannot_be_trusted_leaves_the_old_keys_in_place(
    world: World, fault: str
) -> None:
    keys: dict[str, object] = {"keys": [world.ring.signing_key.as_dict(private=False)]}
    moved = f"{ISSUER}moved"
    pages: dict[str, object] = {DISCOVERY: {"issuer": ISSUER, "jwks_uri": JWKS}, moved: keys}
    verifier = OidcVerifier(ISSUER, AUDIENCE, transport=serving(pages), clock=world.clock)
    token = world.sign(world.claims(exp=NOW + 86_400))
    faults: dict[str, object] = {
        "status": JSONResponse(keys, 500),
        "size": keys | {"padding": "x" * POLICY.max_bytes},
        "redirect": RedirectResponse(moved),
        "array": [keys],
        "empty": {"keys": []},
        "html": HTMLResponse("<!doctype html><title>Back soon</title>"),
    }
    pages[JWKS] = faults[fault]
    with pytest.raises(IssuerUnavailable):
        await verifier.verify(token)
    pages[JWKS] = keys
    world.clock.now += POLICY.retry
    await verifier.verify(token)
    pages[JWKS] = faults[fault]
    world.clock.now += POLICY.fresh
    for _ in range(2):
        await verifier.verify(token)
        await world.settled()
        world.clock.now += POLICY.retry


async def test_a_key_set_that_moved_is_found_again(world: World) -> None:
    keys = {"keys": [world.ring.signing_key.as_dict(private=False)]}
    moved = f"{ISSUER}moved"
    pages: dict[str, object] = {DISCOVERY: {"issuer": ISSUER, "jwks_uri": JWKS}, JWKS: keys}
    verifier = OidcVerifier(ISSUER, AUDIENCE, transport=serving(pages), clock=world.clock)
    await verifier.check()
    pages[DISCOVERY] = {"issuer": ISSUER, "jwks_uri": moved}
    pages[moved] = pages.pop(JWKS)
    world.clock.now += POLICY.usable
    with pytest.raises(IssuerUnavailable):
        await verifier.check()
    world.clock.now += POLICY.retry
    await verifier.check()


async def test_an_https_issuer_cannot_point_at_this_machine(world: World) -> None:
    issuer = "https://tenant.example/"
    pages: dict[str, object] = {
        f"{issuer}.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": JWKS},
        JWKS: {"keys": [world.ring.signing_key.as_dict(private=False)]},
    }
    verifier = OidcVerifier(issuer, AUDIENCE, transport=serving(pages), clock=world.clock)
    with pytest.raises(IssuerUnavailable):
        await verifier.verify(world.sign(world.claims(iss=issuer)))


async def test_an_issuer_without_trailing_slash_is_found(world: World) -> None:
    issuer = "https://tenant.example/realms/one"
    pages: dict[str, object] = {
        f"{issuer}/.well-known/openid-configuration": {
            "issuer": issuer,
            "jwks_uri": "https://keys.example/jwks",
        },
        "https://keys.example/jwks": {"keys": [world.ring.signing_key.as_dict(private=False)]},
    }
    verifier = OidcVerifier(issuer, AUDIENCE, transport=serving(pages), clock=world.clock)
    assert (await verifier.verify(world.sign(world.claims(iss=issuer)))).issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "tenant.example",
        "http://tenant.example/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "https://user:pass@tenant.example/",  # pragma: allowlist secret
        "https://tenant.example/?x=1",
        "https://tenant.example/#x",
    ],
)
def test_an_unsafe_issuer_is_refused_at_once(issuer: str) -> None:
    with pytest.raises(ValueError):
        OidcVerifier(issuer, AUDIENCE)


def test_an_empty_audience_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="audience"):
        OidcVerifier(ISSUER, "")


def test_only_sound_signing_keys_are_taken_from_a_key_set(foreign_key: RSAKey) -> None:
    good: dict[str, Any] = {**foreign_key.as_dict(private=False), "kid": "good"}
    curve: dict[str, Any] = {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "curve"}
    other_curve = ECKey.generate_key("P-384").as_dict(private=False)
    short = base64.urlsafe_b64encode(b"\xc1" * 128).rstrip(b"=").decode()
    unusable: list[object] = [
        {**good, "kid": "encryption", "use": "enc"},
        {**good, "kid": "other-alg", "alg": "RS512"},
        {**good, "kid": "short", "n": short},
        {**good, "kid": "not-a-number", "n": 7},
        {**good, "kid": "no-modulus", "n": None},
        {**good, "kid": "not-ascii", "n": "ü"},
        {**good, "kid": ""},
        {**good, "kid": 7},
        {**curve, "kid": "p384", **{k: other_curve[k] for k in ("crv", "x", "y")}},
        {**curve, "kid": "off-curve", "x": curve["y"]},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"},
        {"kty": "AKP", "kid": "tomorrow"},
        "nonsense",
        None,
    ]
    impostor = {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "good"}
    keys = usable_keys([*unusable, good, impostor, curve])
    assert set(keys) == {"good", "curve"}
    assert keys["good"].key_type == "RSA"
    empty: tuple[object, ...] = (None, {}, "keys", 7, [])
    assert all(usable_keys(listed) == {} for listed in empty)


async def test_an_es256_issuer_is_accepted(world: World) -> None:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "ec"})
    keys = {"keys": [key.as_dict(private=False)]}
    pages = {DISCOVERY: {"issuer": ISSUER, "jwks_uri": JWKS}, JWKS: keys}
    verifier = OidcVerifier(ISSUER, AUDIENCE, transport=serving(pages), clock=world.clock)
    token = world.sign(world.claims(), {"alg": "ES256", "kid": "ec"}, key)
    assert (await verifier.verify(token)).subject == "dev|alice"
    head, payload, signature = token.split(".")
    for damaged in (signature[:-4], "AAAA", signature[::-1]):
        with pytest.raises(InvalidToken):
            await verifier.verify(f"{head}.{payload}.{damaged}")

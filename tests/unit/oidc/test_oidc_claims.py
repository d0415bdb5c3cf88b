"""What a token says: who, for whom, until when, and what kind it is."""

import base64
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from rekindle.errors import ExpiredToken, InvalidToken
from rekindle.ports.identity import Principal, TokenVerifier
from simulators.oidc.tokens import Grant
from tests.unit.oidc.conftest import AUDIENCE, DISCOVERY, ISSUER, JWKS, NOW, World


async def test_a_token_from_the_issuer_tells_who_is_calling(world: World) -> None:
    verifier: TokenVerifier = world.verifier
    assert await verifier.verify(await world.token()) == Principal(
        issuer=ISSUER,
        subject="dev|alice",
        scopes=frozenset({"jobs", "op"}),
        authorized_party="cli",
        expires_at=NOW + 3600,
    )
    assert world.wire.asked == [DISCOVERY, JWKS]


async def test_auth0s_default_profile_is_accepted(world: World) -> None:
    audience = [AUDIENCE, f"{ISSUER}userinfo"]
    token = world.sign(world.claims(aud=audience, scope="openid jobs"), {"typ": "JWT"})
    assert (await world.verifier.verify(token)).scopes == {"openid", "jobs"}


async def test_a_token_without_scopes_is_good_for_nothing_in_particular(world: World) -> None:
    principal = await world.verifier.verify(world.sign(world.claims(scope=None)))
    assert principal.scopes == frozenset()


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "openid", "permissions": ["rekindle:operate"]}, {"openid", "rekindle:operate"}),
        ({"scope": None, "permissions": ["rekindle:operate"]}, {"rekindle:operate"}),
        ({"scope": "jobs", "permissions": []}, {"jobs"}),
        ({"scope": "jobs", "permissions": ["jobs"]}, {"jobs"}),
        ({"scope": "", "permissions": ["two words"]}, {"two words"}),
    ],
)
async def test_what_auth0s_roles_permit_counts_as_scopes(
    world: World, claims: dict[str, Any], scopes: set[str]
) -> None:
    assert (await world.verifier.verify(world.sign(world.claims(**claims)))).scopes == scopes


async def test_times_within_the_leeway_are_accepted(world: World) -> None:
    skewed = world.claims(exp=NOW - 29, iat=NOW + 30, nbf=NOW + 30)
    await world.verifier.verify(world.sign(skewed))


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp"])
async def test_a_token_must_say_who_what_for_and_until_when(world: World, claim: str) -> None:
    with pytest.raises(InvalidToken, match="MissingClaim"):
        await world.verifier.verify(world.sign(world.claims(**{claim: None})))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example"},
        {"aud": ["https://other.example", f"{ISSUER}userinfo"]},
        {"aud": []},
        {"aud": [AUDIENCE, 1]},
        {"aud": {AUDIENCE: 1}},
        {"aud": AUDIENCE + "/"},
        {"iss": ISSUER.rstrip("/")},
        {"iss": "https://tenant.example/"},
        {"iss": [ISSUER]},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "dev|alice\n"},
        {"sub": "dev|\x00"},
        {"sub": "dev|\ud800"},
        {"azp": ""},
        {"azp": ["cli"]},
        {"scope": ["jobs"]},
        {"permissions": "rekindle:operate"},
        {"permissions": [["rekindle:operate"]]},
        {"permissions": {"rekindle:operate": True}},
        {"permissions": None, "scope": 7},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": NOW + 31},
        {"nbf": "now"},
        {"iat": NOW + 31},
        {"iat": []},
    ],
)
async def test_a_signed_token_with_a_wrong_claim_is_refused(
    world: World, changed: dict[str, Any]
) -> None:
    claims = json.dumps(world.claims(**changed)).encode("ascii")
    kid = world.ring.signing_key.kid
    header = {"alg": "RS256", "typ": "at+jwt", "kid": kid}
    token = jws.serialize_compact(header, claims, world.ring.signing_key, ["RS256"])
    with pytest.raises(InvalidToken):
        await world.verifier.verify(token)


async def test_an_old_token_has_expired(world: World) -> None:
    token = await world.token()
    world.clock.now += 3600 + 29
    await world.verifier.verify(token)
    world.clock.now += 1
    with pytest.raises(ExpiredToken):
        await world.verifier.verify(token)


async def test_only_age_makes_a_token_expired(world: World) -> None:
    wrong = world.claims(exp=NOW - 100, aud="https://other.example")
    first = {"exp": wrong.pop("exp"), **wrong}
    with pytest.raises(InvalidToken):
        await world.verifier.verify(world.sign(first))


async def test_another_tenants_key_is_refused(world: World, foreign_key: RSAKey) -> None:
    token = world.sign(world.claims(), {"kid": foreign_key.kid}, foreign_key)
    with pytest.raises(InvalidToken):
        await world.verifier.verify(token)
    borrowed_kid = world.sign(world.claims(), None, foreign_key)
    with pytest.raises(InvalidToken, match="BadSignature"):
        await world.verifier.verify(borrowed_kid)


async def test_a_changed_payload_is_refused(world: World) -> None:
    head, _, signature = (await world.token()).split(".")
    claims = json.dumps(world.claims(sub="dev|mallory")).encode()
    payload = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
    with pytest.raises(InvalidToken, match="BadSignature"):
        await world.verifier.verify(f"{head}.{payload}.{signature}")


def id_token(world: World, nonce: str | None) -> str:
    grant = Grant("studio", "dev|alice", "alice", AUDIENCE, frozenset({"openid"}), nonce, NOW)
    return world.mint.id_token(grant, world.mint.access_token(grant))


@pytest.mark.parametrize("nonce", ["n-1", None])
async def test_an_id_token_opens_no_api(world: World, nonce: str | None) -> None:
    with pytest.raises(InvalidToken, match="InvalidClaim"):
        await world.verifier.verify(id_token(world, nonce))


@pytest.mark.parametrize("nonce", ["n-1", None])
async def test_an_id_token_is_refused_even_where_the_audience_is_a_client(
    world: World, nonce: str | None
) -> None:
    misconfigured = world.verifier_for("studio")
    with pytest.raises(InvalidToken, match="ID token"):
        await misconfigured.verify(id_token(world, nonce))


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "n"},
        {"at_hash": "h"},
        {"c_hash": "h"},
        {"azp": None},
        {"azp": AUDIENCE},
        {"aud": [AUDIENCE, "cli"]},
        {"azp": None, "client_id": AUDIENCE},
    ],
)
@pytest.mark.parametrize("typ", ["JWT", None])
async def test_what_looks_like_an_id_token_is_refused(
    world: World, changed: dict[str, Any], typ: str | None
) -> None:
    with pytest.raises(InvalidToken, match="ID token"):
        await world.verifier.verify(world.sign(world.claims(**changed), {"typ": typ}))


@pytest.mark.parametrize("typ", ["logout+jwt", "dpop+jwt", "at+jwt2", "application/jwt"])
async def test_tokens_of_other_types_are_refused(world: World, typ: str) -> None:
    with pytest.raises(InvalidToken, match="another type"):
        await world.verifier.verify(world.sign(world.claims(), {"typ": typ}))


@pytest.mark.parametrize("typ", ["AT+JWT", "application/at+jwt", "jwt"])
async def test_the_type_is_compared_without_case(world: World, typ: str) -> None:
    await world.verifier.verify(world.sign(world.claims(), {"typ": typ}))

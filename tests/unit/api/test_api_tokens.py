"""Sign-in, with tokens of the development issuer and forgeries of them."""

import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette

from rekindle.adapters.oidc import OidcVerifier
from simulators.oidc import Client, IssuerConfig
from simulators.oidc import create_app as create_issuer

ISSUER = "http://127.0.0.1:9100/"
AUDIENCE = "https://api.example"
NOW = int(time.time())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture(scope="module")
def issuer(data: Path) -> Starlette:
    clients = {"cli": Client("cli", username="alice"), "robot": Client("robot")}
    audiences = (AUDIENCE, "https://other.example")
    return create_issuer(IssuerConfig(ISSUER, audiences, clients, {"alice": frozenset()}), data)


@pytest.fixture
async def http(
    issuer: Starlette, world: Any, app: FastAPI, serve: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """The API behind the real verifier."""
    transport = httpx.ASGITransport(issuer)
    world.tokens = OidcVerifier(ISSUER, AUDIENCE, transport=transport)
    async with serve(app) as client:
        yield client
    await world.tokens.aclose()


async def issued(issuer: Starlette, data: Path, client: str = "cli", **form: str) -> str:
    transport = httpx.ASGITransport(issuer)
    secret = (data / "clients" / f"{client}.secret").read_text()
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as browser:
        asked = {"grant_type": "client_credentials", **form}
        reply = await browser.post("oauth/token", data=asked, auth=(client, secret))
    return str(reply.raise_for_status().json()["access_token"])


def signing_key(data: Path) -> RSAKey:
    return RSAKey.import_key(json.loads((data / "signing-keys.json").read_text())["keys"][0])


def forged(data: Path, *, typ: str = "at+jwt", **changed: object) -> str:
    """A token signed by the issuer's own key, with claims of our choice; None leaves one out."""
    claims = {
        "iss": ISSUER,
        "sub": "dev|alice",
        "aud": AUDIENCE,
        "azp": "cli",
        "iat": NOW,
        "exp": NOW + 600,
        **changed,
    }
    key = signing_key(data)
    header = {"alg": "RS256", "typ": typ, "kid": key.kid}
    return jwt.encode(header, {k: v for k, v in claims.items() if v is not None}, key)


async def ask(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.get("/api/v1/graphs", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("client", ["cli", "robot"])
async def test_a_token_of_the_issuer_opens_the_api(
    client: str, http: httpx.AsyncClient, issuer: Starlette, data: Path
) -> None:
    assert (await ask(http, await issued(issuer, data, client))).status_code == 200


async def test_the_claims_that_are_varied_below_are_good_as_they_are(
    http: httpx.AsyncClient, data: Path
) -> None:
    assert (await ask(http, forged(data))).status_code == 200


async def test_a_token_for_another_api_does_not(
    http: httpx.AsyncClient, issuer: Starlette, data: Path
) -> None:
    token = await issued(issuer, data, audience="https://other.example")
    assert (await ask(http, token)).json()["code"] == "invalid_token"


async def test_an_expired_token_says_so(http: httpx.AsyncClient, data: Path) -> None:
    reply = await ask(http, forged(data, iat=NOW - 900, exp=NOW - 300))
    assert (reply.status_code, reply.json()["code"]) == (401, "expired_token")
    assert reply.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"iss": "http://127.0.0.1:9101/"},
        {"aud": "cli", "nonce": "n-1"},
        {"aud": AUDIENCE + "/"},
        pytest.param({"nbf": NOW + 3600}, id="not yet valid"),
        {"typ": "JWT", "azp": None},
        {"typ": "logout+jwt"},
        {"sub": ""},
        {"sub": "x" * 300},
    ],
    ids=str,
)
async def test_a_token_with_wrong_claims_is_refused(
    changed: Any, http: httpx.AsyncClient, data: Path
) -> None:
    reply = await ask(http, forged(data, **changed))
    assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")


async def test_a_token_signed_by_somebody_else_is_refused(
    http: httpx.AsyncClient, data: Path
) -> None:
    good = forged(data)
    head, body, _ = good.split(".")
    stranger = RSAKey.generate_key(2048, {"kid": str(signing_key(data).kid)})
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    public = signing_key(data).as_pem(private=False)
    with_public_key = jwt.encode(
        {"alg": "HS256", "kid": signing_key(data).kid},
        {"iss": ISSUER, "sub": "dev|alice", "aud": AUDIENCE, "exp": NOW + 600},
        OctKey.import_key(base64.urlsafe_b64encode(public).decode()),
    )
    for token in (
        f"{head}.{body}.{'A' * 342}",
        f"{unsigned}.{body}.",
        with_public_key,
        jwt.encode({"alg": "RS256", "kid": "../../etc/passwd"}, {"sub": "x"}, stranger),
        jwt.encode({"alg": "RS256", "kid": stranger.kid, "jku": "http://evil"}, {}, stranger),
        "x" * 9000,
        "a.b.c",
    ):
        reply = await ask(http, token)
        assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token"), token[:80]
        assert token not in reply.text


async def test_while_the_issuer_is_away_nobody_is_called_a_liar(
    http: httpx.AsyncClient, issuer: Starlette, data: Path
) -> None:
    """Its keys were never fetched, so a good token cannot be told from a bad one."""
    token = await issued(issuer, data)
    secret = (data / "control.secret").read_text()
    lever = httpx.AsyncClient(transport=httpx.ASGITransport(issuer), base_url=ISSUER)
    async with lever:
        headers = {"Authorization": f"Bearer {secret}"}
        await lever.post("simulator/faults", json={"mode": "unavailable"}, headers=headers)
        reply = await ask(http, token)
        await lever.post("simulator/faults", json={}, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (503, "issuer_unavailable")
    assert reply.headers["retry-after"] == "5"

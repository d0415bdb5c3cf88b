"""Sign-in, with tokens of the development issuer and forgeries of them."""

import base64
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette

from api.open_routes import OPEN_ROUTES
from rekindle.adapters.oidc import OidcVerifier
from rekindle.rules.api_keys import key_text
from rekindle.rules.identity import OPERATE
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
    clients = {
        "cli": Client("cli", username="alice"),
        "robot": Client("robot"),
        "desk": Client("desk", username="olga", scopes=frozenset({OPERATE})),
    }
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
        "exp": NOW + 86_400,
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
        {"iss": ISSUER, "sub": "dev|alice", "aud": AUDIENCE, "exp": NOW + 86_400},
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


def operators_doors(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every operation whose description asks for the operators' scope."""
    return [
        (method.upper(), path.replace("{key_id}", str(uuid4())))
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        if (method.upper(), path) not in OPEN_ROUTES
        and {"HTTPBearer": [OPERATE]} in operation["security"]
    ]


async def knock(http: httpx.AsyncClient, door: tuple[str, str], token: str) -> tuple[int, str]:
    """Status and code; a body that is no JSON, which nobody gets as far as to see."""
    method, path = door
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    reply = await http.request(method, path, content=b"{", headers=headers)
    return reply.status_code, reply.json()["code"]


def test_everything_under_the_operators_path_is_for_operators(app: FastAPI) -> None:
    under = {path for path in app.openapi()["paths"] if path.startswith("/api/v1/operator/")}
    asked = {re.sub(r"[0-9a-f-]{36}", "{key_id}", path) for _, path in operators_doors(app)}
    assert under == asked != set()


async def test_operators_routes_are_closed_to_everybody_else(
    http: httpx.AsyncClient, app: FastAPI, issuer: Starlette, data: Path
) -> None:
    users = await issued(issuer, data)
    almost = [
        forged(data, scope="operate rekindle rekindle:operates openid"),
        forged(data, scope=OPERATE.upper(), permissions=[f" {OPERATE}"]),
    ]
    for door in operators_doors(app):
        for token in (users, *almost):
            assert await knock(http, door, token) == (403, "forbidden"), door
        wrong = (door[0], re.sub(r"[0-9a-f-]{36}", "no-uuid", door[1]) + "?limit=x")
        assert await knock(http, wrong, users) == (403, "forbidden"), door


async def test_operators_by_scope_or_by_permission_get_past_that_door(
    http: httpx.AsyncClient, app: FastAPI, issuer: Starlette, data: Path
) -> None:
    """The database is away, which only those find out who get as far as to ask it."""
    tokens = [
        await issued(issuer, data, "desk"),
        forged(data, scope=f"openid {OPERATE}"),
        forged(data, permissions=["other", OPERATE]),
    ]
    for door in operators_doors(app):
        for token in tokens:
            assert await knock(http, door, token) == (503, "database_unavailable"), door


async def test_an_api_key_cannot_be_judged_while_the_database_is_away(
    http: httpx.AsyncClient,
) -> None:
    reply = await ask(http, key_text(uuid4(), b"s" * 32))
    assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")
    assert reply.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    "token",
    [
        "rk_",
        f"rk_{'live'}_0123456789",  # as a key of Stripe's begins
        f"rk_{'0' * 32}_{'0' * 63}",
        f"rk_{'0' * 32}_{'0' * 65}",
        f"rk_{'0' * 31}g_{'0' * 64}",
        f"rk_{'A' * 32}_{'0' * 64}",
        f"rk_{'0' * 32}_{'0' * 32} {'0' * 31}",
        "rk_" + "0" * 9000,
    ],
    ids=lambda token: token[:40] + f"({len(token)})",
)
async def test_what_only_begins_like_a_key_is_refused_without_asking_anybody(
    token: str, http: httpx.AsyncClient
) -> None:
    """The database is away: asking it would end in 503."""
    reply = await ask(http, token)
    assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")

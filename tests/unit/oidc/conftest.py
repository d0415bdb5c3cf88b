"""An issuer in this process, the way to it, and a verifier at the other end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.types import ASGIApp

from rekindle.adapters.oidc import KeyPolicy, OidcVerifier
from simulators.oidc import Client, IssuerConfig, create_app
from simulators.oidc.keys import KeyRing
from simulators.oidc.tokens import TokenMint

ISSUER = "http://127.0.0.1:9100/"
AUDIENCE = "https://api.example"
DISCOVERY = f"{ISSUER}.well-known/openid-configuration"
JWKS = f"{ISSUER}.well-known/jwks.json"
NOW = 1_800_000_000
POLICY = KeyPolicy()


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Issuer:
    """A development issuer with its directory and a hand on its keys."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = Clock()
        self.ring = KeyRing(data / "signing-keys.json")
        config = IssuerConfig(
            issuer=ISSUER,
            audiences=(AUDIENCE, "https://other.example"),
            clients={"cli": Client("cli", username="alice", scopes=frozenset({"jobs", "op"}))},
        )
        self.app = create_app(config, data, clock=self.clock)
        self.mint = TokenMint(config, self.ring, self.clock)


class Wire(httpx.ASGITransport):
    """The way to the issuer: notes every address asked for, and can be cut."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self.cut = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        self.was_asked.set()
        if self.cut:
            raise httpx.ConnectError("connection refused", request=request)
        return await super().handle_async_request(request)

    def forget(self) -> None:
        self.asked.clear()
        self.was_asked.clear()


class World:
    """An issuer, the way to it, and a verifier at the other end."""

    def __init__(self, issuer: Issuer) -> None:
        self.data = issuer.data
        self.ring = issuer.ring
        self.mint = issuer.mint
        self.clock = issuer.clock
        self.clock.now = float(NOW)
        self.wire = Wire(issuer.app)
        self.verifier = self.verifier_for(AUDIENCE)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(issuer.app), base_url=ISSUER)

    def verifier_for(self, audience: str, policy: KeyPolicy = POLICY) -> OidcVerifier:
        return OidcVerifier(
            ISSUER, audience, policy=policy, transport=self.wire, clock=self.clock, leeway=30
        )

    async def close(self) -> None:
        await self.verifier.aclose()
        await self.pull("faults", mode="none")
        await self.http.aclose()

    async def settled(self) -> None:
        """Wait for the renewal that goes on behind the caller's back."""
        renewals = [t for t in asyncio.all_tasks() if t.get_name() == "renew issuer keys"]
        assert renewals
        await asyncio.gather(*renewals)

    async def token(self, **form: str) -> str:
        """An access token, asked for over the issuer's wire."""
        secret = (self.data / "clients" / "cli.secret").read_text()
        sent = {"grant_type": "client_credentials", **form}
        reply = await self.http.post("oauth/token", data=sent, auth=("cli", secret))
        return str(reply.json()["access_token"])

    async def pull(self, lever: str, **body: object) -> None:
        secret = (self.data / "control.secret").read_text()
        headers = {"Authorization": f"Bearer {secret}"}
        reply = await self.http.post(f"simulator/{lever}", json=body, headers=headers)
        assert reply.status_code == 200, reply.text

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Good claims with changes; None leaves a claim out."""
        good = {
            "iss": ISSUER,
            "sub": "dev|alice",
            "aud": AUDIENCE,
            "azp": "cli",
            "scope": "jobs",
            "iat": NOW,
            "exp": NOW + 3600,
        }
        return {name: value for name, value in (good | changed).items() if value is not None}

    def sign(
        self, claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = None
    ) -> str:
        """Sign as the issuer would; `header` changes the good header, None leaves out."""
        good = {"alg": "RS256", "typ": "at+jwt", "kid": self.ring.signing_key.kid}
        members = {n: v for n, v in (good | (header or {})).items() if v is not None}
        signer = key or RSAKey.import_key(self.ring.signing_key.raw_value)
        return jwt.encode(members, claims, signer, [members["alg"]], default_type=None)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """One issuer for the module: making and loading RSA keys is the slow part."""
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def foreign_key() -> RSAKey:
    return RSAKey.generate_key(2048, auto_kid=True)


@pytest.fixture
async def world(issuer: Issuer) -> AsyncIterator[World]:
    world = World(issuer)
    yield world
    await world.close()


@pytest.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose issuer is not shared, for tests that rotate its keys."""
    world = World(Issuer(tmp_path))
    yield world
    await world.close()

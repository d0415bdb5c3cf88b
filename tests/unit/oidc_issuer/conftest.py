"""The development issuer in this process, spoken to over its own wire."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette

from simulators.oidc import Client, IssuerConfig, create_app

ISSUER = "http://127.0.0.1:9100/"
AUDIENCE = "https://api.example"
RETURN = "http://127.0.0.1:9200/signin/callback"
CONFIG = IssuerConfig(
    issuer=ISSUER,
    audiences=(AUDIENCE, "https://other.example"),
    clients={
        "studio": Client("studio", redirect_uris=frozenset({RETURN})),
        "gallery": Client("gallery", redirect_uris=frozenset({RETURN})),
        "cli": Client("cli", username="alice", scopes=frozenset({"jobs"})),
        "reaper": Client("reaper", scopes=frozenset({"operator"})),
    },
    users={"alice": frozenset(), "olga": frozenset({"operator"})},
    scopes=frozenset({"jobs"}),
)


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for the module: making and loading RSA keys is the slow part."""
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture(scope="module")
def app(data: Path, clock: Clock) -> Starlette:
    return create_app(CONFIG, data, clock=clock)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as client:
        yield client


def claims_of(token: str, data: Path) -> tuple[dict[str, object], dict[str, object]]:
    stored = json.loads((data / "signing-keys.json").read_text())["keys"]
    parts = ("kty", "n", "e", "kid")
    public = [RSAKey.import_key({part: key[part] for part in parts}) for key in stored]
    decoded = jwt.decode(token, KeySet(list(public)), algorithms=["RS256"])
    return decoded.header, decoded.claims


def secret_of(client_id: str, data: Path) -> str:
    return (data / "clients" / f"{client_id}.secret").read_text()

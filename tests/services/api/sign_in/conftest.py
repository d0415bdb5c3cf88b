"""Browsers, the API over the real database, and the development issuer, all in this process."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.applications import Starlette
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api import paths
from api.app import create_app
from api.identity import CurrentPrincipal, guarded_router
from rekindle.adapters.oidc import OidcSignIns, OidcVerifier
from rekindle.ports.photos import PhotoLimits
from rekindle.rules.identity import OPERATE
from rekindle.settings import Settings
from rekindle.store.database import Database
from rekindle.wiring.api import ApiPorts
from simulators.oidc import Client, IssuerConfig
from simulators.oidc import create_app as create_issuer

ISSUER = "http://127.0.0.1:9100/"
AUDIENCE = "https://api.example"
CLIENT = "rekindle-web"
HOME = "http://127.0.0.1:8000"
SECURE_HOME = "https://photos.example"
FRIEND = "https://friend.example"
"""A page that may call the API, with tokens."""
UNTIL = "/until"
"""Tells how long its caller is trusted."""
LIMITS = PhotoLimits(max_bytes=1 << 20, timeout_seconds=120, queue_seconds=120)


def settings(home: str = HOME, **changed: Any) -> Settings:
    fixed: dict[str, Any] = {
        "secret_key": SecretStr("s" * 32),
        "auth0_domain": ISSUER,
        "auth0_audience": AUDIENCE,
        "public_url": home,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SecretStr("in the issuer's folder"),
        "oidc_scopes": f"openid {OPERATE}",
    }
    return Settings(_env_file=None, **{**fixed, **changed})


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """What is logged."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture(scope="session")
def issuer_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture(scope="session")
def issuer(issuer_data: Path) -> Starlette:
    """One issuer for all: making RSA keys is the slow part."""
    homes = (HOME, SECURE_HOME)
    web = Client(
        CLIENT,
        frozenset(f"{home}{paths.SIGN_IN_CALLBACK}" for home in homes),
        frozenset(f"{home}{paths.ACCOUNT}" for home in homes),
        is_web=True,
    )
    users: dict[str, frozenset[str]] = {"alice": frozenset(), "olga": frozenset({OPERATE})}
    return create_issuer(IssuerConfig(ISSUER, (AUDIENCE,), {CLIENT: web}, users), issuer_data)


class Wire(httpx.ASGITransport):
    """The way from the API to the issuer: can be cut, and its answers changed."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(app)
        self.cut = False
        self.posts: list[dict[str, list[str]]] = []
        self.change: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise httpx.ConnectError("connection refused", request=request)
        response = await super().handle_async_request(request)
        if request.method != "POST":
            return response
        self.posts.append(parse_qs((await request.aread()).decode()))
        if self.change is None or response.status_code != 200:
            return response
        tokens = httpx.Response(200, content=await response.aread()).json()
        return httpx.Response(200, json=self.change(tokens))


class Nothing:
    """Stands where these tests ask nobody."""

    async def check(self) -> None:
        return None


@dataclass
class House:
    """The API's world: a test may replace any part."""

    database: Any
    wire: Wire
    data: Path

    @property
    def secret(self) -> str:
        return (self.data / "clients" / f"{CLIENT}.secret").read_text()

    @asynccontextmanager
    async def open(self, given: Settings) -> AsyncIterator[ApiPorts]:
        verifier = OidcVerifier(ISSUER, AUDIENCE, transport=self.wire)
        sign_ins = OidcSignIns(
            verifier,
            audience=AUDIENCE,
            client_id=CLIENT,
            client_secret=self.secret,
            redirect_uri=f"{given.public_address}{paths.SIGN_IN_CALLBACK}",
            signed_out_uri=f"{given.public_address}{paths.ACCOUNT}",
            scopes=given.oidc_scopes,
            transport=self.wire,
        )
        nothing: Any = Nothing()
        try:
            yield ApiPorts(
                database=self.database,
                objects=nothing,
                photos=nothing,
                tokens=verifier,
                jobs=nothing,
                orders=nothing,
                payments=None,
                deletions=nothing,
                sign_ins=sign_ins,
            )
        finally:
            await sign_ins.aclose()
            await verifier.aclose()


@pytest.fixture
def wire(issuer: Starlette) -> Wire:
    return Wire(issuer)


@pytest.fixture
def house(database: Database, wire: Wire, issuer_data: Path) -> House:
    return House(database, wire, issuer_data)


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """One application for all; the house is a test's own. Another page may call it, with tokens."""

    def open_ports(given: Settings) -> AbstractAsyncContextManager[ApiPorts]:
        house: House = application.state.house
        return house.open(given)

    application = create_app(
        settings(cors_origins=(FRIEND,), event_stream_seconds=0.1), open_ports=open_ports
    )
    router = guarded_router("tests")

    @router.get(UNTIL)
    async def until(principal: CurrentPrincipal) -> int:
        return principal.expires_at

    application.include_router(router, include_in_schema=False)
    return application


class Fields(HTMLParser):
    """The fields of a page's forms."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if tag == "input" and has.get("name"):
            self.found[str(has["name"])] = has.get("value") or ""


class Browser:
    """Somebody's browser: follows nothing by itself, and keeps cookies as browsers do."""

    def __init__(self, app: FastAPI, issuer: Starlette, home: str = HOME) -> None:
        self.app = app
        self.home = home
        page = {"Accept": "text/html,*/*;q=0.8"}
        transport = httpx.ASGITransport(app)
        self.http = httpx.AsyncClient(transport=transport, base_url=home, headers=page)
        self.issuer = httpx.AsyncClient(transport=httpx.ASGITransport(issuer), base_url=ISSUER)

    async def begin(self, next_path: str | None = None) -> str:
        """Go to sign in; where the browser is sent."""
        wanted = {} if next_path is None else {"next": next_path}
        reply = await self.http.get(paths.SIGN_IN, params=wanted)
        assert reply.status_code == 303, reply.text
        return reply.headers["location"]

    async def consent(self, address: str, user: str = "alice") -> str:
        """Say at the issuer who one is; where the browser is sent."""
        reply = await self.issuer.post(address, data={"username": user})
        assert reply.status_code == 303, reply.text
        return reply.headers["location"]

    async def sign_in(self, user: str = "alice", next_path: str | None = None) -> httpx.Response:
        """All of it."""
        return await self.http.get(await self.consent(await self.begin(next_path), user))

    async def session(self) -> dict[str, Any]:
        """Who the API says this is."""
        reply = await self.http.get(paths.SESSION)
        assert reply.status_code == 200, reply.text
        document: dict[str, Any] = reply.json()
        return document

    async def signs(self) -> dict[str, str]:
        """The headers of what a page of ours changes."""
        token = (await self.session())["csrf_token"]
        return {"X-CSRF-Token": token, "Origin": self.home, "Sec-Fetch-Site": "same-origin"}

    async def outcome(self) -> tuple[int, str | None]:
        """Status and code of asking who this is."""
        reply = await self.http.get(paths.SESSION)
        return reply.status_code, reply.json().get("code")


@pytest.fixture
async def open_browser(app: FastAPI, issuer: Starlette, house: House) -> AsyncIterator[Any]:
    """Opens browsers of an API that runs."""
    app.state.house = house
    opened: list[Browser] = []

    def make() -> Browser:
        opened.append(Browser(app, issuer))
        return opened[-1]

    async with app.router.lifespan_context(app):
        yield make
    for each in opened:
        await each.http.aclose()
        await each.issuer.aclose()


@pytest.fixture
async def browser(open_browser: Callable[[], Browser]) -> Browser:
    return open_browser()


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}

"""Signing people in at an issuer: its ID tokens, and its answers when something is wrong."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from rekindle.adapters.oidc import OidcSignIns, OidcVerifier
from rekindle.adapters.oidc.id_tokens import IdTokens
from rekindle.errors import InvalidToken, IssuerUnavailable, SettingsInvalid, SignInFailed
from rekindle.ports.sign_in import SignInAnswer, SignInSecrets
from simulators.oidc import Client, IssuerConfig, create_app
from tests.unit.oidc.conftest import AUDIENCE, DISCOVERY, ISSUER, NOW, World

CLIENT = "web"
HOME = "http://127.0.0.1:8000"
SECRETS = SignInSecrets(state="s" * 43, nonce="n" * 43, verifier="v" * 43)
ACCESS = "an access token"


def unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


HASH = unpadded(hashlib.sha256(ACCESS.encode()).digest()[:16])


# -- ID tokens -----------------------------------------------------------------------------------


def id_claims(world: World, **changed: Any) -> dict[str, Any]:
    good = {"aud": CLIENT, "azp": None, "scope": None, "nonce": "n-1", "at_hash": HASH}
    return world.claims(**{**good, **changed})


async def judge(world: World, token: str) -> str:
    judge = IdTokens(world.verifier.keys, ISSUER, CLIENT, leeway=30, clock=world.clock)
    return await judge.subject(token, nonce="n-1", access_token=ACCESS)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"azp": CLIENT},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"at_hash": None},
        {"exp": NOW - 20},  # our clock may be as much ahead
    ],
    ids=str,
)
async def test_an_id_token_of_this_sign_in_says_who_it_was(
    changed: dict[str, Any], world: World
) -> None:
    token = world.sign(id_claims(world, **changed), {"typ": "JWT"})
    assert await judge(world, token) == "dev|alice"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": None},
        {"iss": "http://127.0.0.1:9101/"},
        {"aud": None},
        {"aud": AUDIENCE},
        {"aud": [AUDIENCE]},
        {"aud": [CLIENT, "other"]},
        {"azp": "other"},
        {"aud": [CLIENT, "other"], "azp": "other"},
        {"sub": None},
        {"exp": None},
        {"exp": NOW - 31},
        {"iat": None},
        {"nonce": None},
        {"nonce": ""},
        {"nonce": "n-2"},
        {"nonce": ["n-1", "n-2"]},
        {"at_hash": HASH[:-1] + "A"},
        {"at_hash": ""},
        {"at_hash": 7},
        {"nbf": NOW + 3600},
    ],
    ids=str,
)
async def test_any_other_is_refused(changed: dict[str, Any], world: World) -> None:
    with pytest.raises(InvalidToken):
        await judge(world, world.sign(id_claims(world, **changed), {"typ": "JWT"}))


async def test_an_id_token_that_the_issuer_did_not_sign_as_one_is_refused(
    world: World, foreign_key: RSAKey
) -> None:
    claims = id_claims(world)
    good = world.sign(claims, {"typ": "JWT"})
    head, body, signature = good.split(".")
    kid = world.ring.signing_key.kid
    none = unpadded(json.dumps({"alg": "none", "typ": "JWT", "kid": kid}).encode())
    shared = unpadded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode())
    public = world.ring.signing_key.as_pem(private=False)
    mac = unpadded(hmac.digest(public, f"{shared}.{body}".encode(), "sha256"))
    for token in (
        world.sign(claims, {"typ": "at+jwt"}),
        world.sign(claims, {"typ": "JWT"}, foreign_key),
        f"{none}.{body}.",
        f"{shared}.{body}.{mac}",
        f"{head}.{body}.{signature[::-1]}",
        world.sign(claims, {"typ": "JWT", "jku": "http://evil.example/"}),
        "x",
        "",
    ):
        with pytest.raises(InvalidToken):
            await judge(world, token)


# -- The issuer's answers ------------------------------------------------------------------------


Answer = Callable[[httpx.Request], httpx.Response]


class Shop(httpx.ASGITransport):
    """The way to an issuer with a web client; some of its answers may be others."""

    def __init__(self, data: Path) -> None:
        web = Client(CLIENT, frozenset({f"{HOME}/back"}), frozenset({f"{HOME}/out"}), is_web=True)
        super().__init__(create_app(IssuerConfig(ISSUER, (AUDIENCE,), {CLIENT: web}), data))
        self.known_by = (data / "clients" / f"{CLIENT}.secret").read_text()
        self.now = 0.0
        self.answers: dict[str, Answer] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.get(request.url.path)
        if answer is not None:
            return answer(request)
        return await super().handle_async_request(request)


Signs = Callable[..., OidcSignIns]


@pytest.fixture(scope="module")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def shop(shared_shop: Shop) -> Shop:
    shared_shop.answers.clear()
    return shared_shop


@pytest.fixture
async def signs(shop: Shop) -> AsyncIterator[Signs]:
    """Makes applications of the shop."""
    closing: list[Callable[[], Awaitable[None]]] = []

    def make(**changed: Any) -> OidcSignIns:
        verifier = OidcVerifier(ISSUER, AUDIENCE, transport=shop)
        fixed: dict[str, Any] = {
            "audience": AUDIENCE,
            "client_id": CLIENT,
            "client_secret": shop.known_by,
            "redirect_uri": f"{HOME}/back",
            "signed_out_uri": f"{HOME}/out",
            "transport": shop,
            "clock": lambda: shop.now,
        }
        made = OidcSignIns(verifier, **{**fixed, **changed})
        closing.extend((made.aclose, verifier.aclose))
        return made

    yield make
    for close in closing:
        await close()


def discovery(**changed: Any) -> Answer:
    document = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}authorize",
        "token_endpoint": f"{ISSUER}oauth/token",
        "jwks_uri": f"{ISSUER}.well-known/jwks.json",
        **changed,
    }
    # A stream, as from the network: a reply that was read before cannot be read piece by piece.
    return lambda _: httpx.Response(200, stream=httpx.ByteStream(json.dumps(document).encode()))


def away(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


WELL_KNOWN = urlsplit(DISCOVERY).path
ANSWER = SignInAnswer(code="c", issuer=ISSUER)


async def test_an_issuer_that_knows_us_refuses_a_wrong_code_and_nothing_else(signs: Signs) -> None:
    await signs().check()


@pytest.mark.parametrize("changed", [{"client_secret": "w" * 43}, {"client_id": "nobody"}], ids=str)
async def test_an_issuer_that_does_not_know_us_says_so(
    changed: dict[str, str], signs: Signs
) -> None:
    with pytest.raises(SettingsInvalid, match="invalid_client") as refused:
        await signs(**changed).check()
    assert "w" * 43 not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, {"error": "invalid_grant"}, SignInFailed),
        (401, {"error": "access_denied", "error_description": "Unauthorized"}, SettingsInvalid),
        (400, {"error": "unauthorized_client"}, SettingsInvalid),
        (429, {"error": "too_many_requests"}, IssuerUnavailable),
        (503, {"error": "temporarily_unavailable"}, IssuerUnavailable),
        (500, {}, IssuerUnavailable),
        (200, [], IssuerUnavailable),
        (200, "text", IssuerUnavailable),
        (302, {}, SignInFailed),
        (200, {}, SignInFailed),
        (200, {"access_token": 7, "id_token": 8}, SignInFailed),
        (200, {"access_token": "x", "id_token": "y"}, SignInFailed),
    ],
    ids=str,
)
async def test_what_the_token_endpoint_says_is_told_apart(
    status: int, body: Any, expected: type[Exception], signs: Signs, shop: Shop
) -> None:
    shop.answers["/oauth/token"] = lambda _: httpx.Response(status, json=body)
    with pytest.raises(expected):
        await signs().redeem(ANSWER, SECRETS)


@pytest.mark.parametrize(
    "page", ["<!doctype html><title>Welcome to the hotel</title>", "", "{" * 10_000]
)
async def test_a_page_in_place_of_tokens_is_an_issuer_that_is_away(
    page: str, signs: Signs, shop: Shop
) -> None:
    shop.answers["/oauth/token"] = lambda _: httpx.Response(200, text=page)
    with pytest.raises(IssuerUnavailable):
        await signs().redeem(ANSWER, SECRETS)


async def test_no_tokens_are_sent_along_to_where_an_issuer_redirects(
    signs: Signs, shop: Shop
) -> None:
    asked: list[str] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(307, headers={"Location": f"{ISSUER}evil"})

    shop.answers["/oauth/token"] = shop.answers["/evil"] = elsewhere
    with pytest.raises(IssuerUnavailable):
        await signs().redeem(ANSWER, SECRETS)
    assert asked == ["/oauth/token"]


@pytest.mark.parametrize(
    "changed",
    [
        {"authorization_endpoint": None},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": "//evil.example"},
        {"issuer": "https://evil.example/"},
    ],
    ids=str,
)
async def test_endpoints_that_are_not_safe_are_not_used(
    changed: dict[str, Any], signs: Signs, shop: Shop
) -> None:
    shop.answers[WELL_KNOWN] = discovery(**changed)
    with pytest.raises(IssuerUnavailable):
        await signs().address(SECRETS)


async def test_known_endpoints_go_on_while_the_issuer_is_away(signs: Signs, shop: Shop) -> None:
    ours = signs()
    first = await ours.address(SECRETS)
    shop.answers[WELL_KNOWN] = away
    shop.now += 3600
    assert await ours.address(SECRETS) == first
    with pytest.raises(IssuerUnavailable):
        await signs().address(SECRETS)


async def test_an_issuer_without_a_place_to_sign_out_names_none(signs: Signs, shop: Shop) -> None:
    shop.answers[WELL_KNOWN] = discovery()
    assert await signs().sign_out_address() is None
    shop.answers[WELL_KNOWN] = discovery(end_session_endpoint=f"{ISSUER}v2/logout?x=1")
    address = await signs().sign_out_address()
    assert address is not None
    assert parse_qs(urlsplit(address).query) == {
        "x": ["1"],
        "client_id": [CLIENT],
        "post_logout_redirect_uri": [f"{HOME}/out"],
    }


@pytest.mark.parametrize("iss", [None, ISSUER])
async def test_an_issuer_that_does_not_name_itself_need_not(
    iss: str | None, signs: Signs, shop: Shop
) -> None:
    """As Auth0; the code is looked at then, and refused."""
    shop.answers[WELL_KNOWN] = discovery()
    with pytest.raises(SignInFailed, match="code"):
        await signs().redeem(SignInAnswer(code="c", issuer=iss), SECRETS)
    with pytest.raises(SignInFailed, match="our issuer"):
        await signs().redeem(SignInAnswer(code="c", issuer="https://evil.example/"), SECRETS)

"""Web clients, which sign people in with a secret, and signing out again."""

import base64
import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from simulators.oidc import Client, create_app
from simulators.oidc.arguments import parse
from tests.unit.oidc_issuer.conftest import AUDIENCE, CONFIG, RETURN, secret_of

LOGGED_OUT = "http://127.0.0.1:9200/account"
WEB = Client("web", frozenset({RETURN}), frozenset({LOGGED_OUT}), is_web=True)
VERIFIER = "v" * 43
DIGEST = hashlib.sha256(VERIFIER.encode()).digest()
CHALLENGE = base64.urlsafe_b64encode(DIGEST).decode().rstrip("=")


@pytest.fixture(scope="module")
def app(data: Path) -> Starlette:
    return create_app(replace(CONFIG, clients={**CONFIG.clients, "web": WEB}), data)


async def code_for(http: httpx.AsyncClient) -> str:
    asked = {
        "response_type": "code",
        "client_id": "web",
        "redirect_uri": RETURN,
        "scope": "openid",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    reply = await http.post("authorize", params=asked, data={"username": "alice"})
    return parse_qs(urlsplit(reply.headers["location"]).query)["code"][0]


def redemption(code: str, **changed: str) -> dict[str, str]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": RETURN,
        "code_verifier": VERIFIER,
    }
    return {**form, **changed}


async def test_a_web_client_redeems_a_code_with_its_secret(
    http: httpx.AsyncClient, data: Path
) -> None:
    auth = ("web", secret_of("web", data))
    reply = await http.post("oauth/token", data=redemption(await code_for(http)), auth=auth)
    assert reply.status_code == 200
    assert {"access_token", "id_token"} <= reply.json().keys()


@pytest.mark.parametrize("secret", [None, "wrong"])
async def test_nobody_redeems_its_code_without_the_secret(
    secret: str | None, http: httpx.AsyncClient
) -> None:
    form = redemption(await code_for(http), client_id="web")
    if secret is not None:
        form["client_secret"] = secret
    reply = await http.post("oauth/token", data=form)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


async def test_pkce_is_asked_of_it_all_the_same(http: httpx.AsyncClient, data: Path) -> None:
    auth = ("web", secret_of("web", data))
    form = redemption(await code_for(http), code_verifier="w" * 43)
    reply = await http.post("oauth/token", data=form, auth=auth)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


async def test_it_gets_no_token_of_its_own(http: httpx.AsyncClient, data: Path) -> None:
    auth = ("web", secret_of("web", data))
    reply = await http.post("oauth/token", data={"grant_type": "client_credentials"}, auth=auth)
    assert reply.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_signed_out_is_sent_back_to_a_registered_address(
    method: str, http: httpx.AsyncClient
) -> None:
    given = {"client_id": "web", "post_logout_redirect_uri": LOGGED_OUT, "state": "x y"}
    sent = {"params": given} if method == "GET" else {"data": given}
    reply = await http.request(method, "oidc/logout", **sent)  # type: ignore[arg-type]
    assert reply.status_code == 303
    assert reply.headers["location"] == f"{LOGGED_OUT}?state=x+y"


@pytest.mark.parametrize(
    "changed",
    [
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": LOGGED_OUT + "/"},
        {"post_logout_redirect_uri": RETURN},
        {"client_id": "studio"},
        {"client_id": ""},
    ],
    ids=str,
)
async def test_any_other_address_is_answered_with_a_page(
    changed: dict[str, str], http: httpx.AsyncClient
) -> None:
    given = {"client_id": "web", "post_logout_redirect_uri": LOGGED_OUT, **changed}
    reply = await http.get("oidc/logout", params=given)
    assert reply.status_code == 400
    assert "location" not in reply.headers


async def test_who_names_no_address_is_told_on_a_page(http: httpx.AsyncClient) -> None:
    reply = await http.get("oidc/logout")
    assert (reply.status_code, "You are signed out" in reply.text) == (200, True)


def test_the_command_line_describes_web_clients() -> None:
    given = ["--web-client", f"web={RETURN}", "--logout-uri", f"web={LOGGED_OUT}"]
    config = parse(["--data", "d", "--audience", AUDIENCE, *given]).config(9100)
    assert config.clients["web"] == WEB


@pytest.mark.parametrize(
    "wrong",
    [
        ["--web-client", "web"],
        ["--web-client", f"web={RETURN}", "--public-client", f"web={RETURN}"],
        ["--client", "web", "--web-client", f"web={RETURN}"],
        ["--logout-uri", f"web={LOGGED_OUT}"],
        ["--web-client", f"web={RETURN}", "--logout-uri", "web=javascript:alert(1)"],
    ],
    ids=" ".join,
)
def test_a_web_client_that_makes_no_sense_is_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(["--data", "d", "--audience", AUDIENCE, *wrong])
    assert "error:" in capsys.readouterr().err

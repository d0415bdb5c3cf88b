"""Signing a person in: the authorization request, the page, the code, PKCE."""

import base64
import hashlib
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.unit.oidc_issuer.conftest import AUDIENCE, ISSUER, RETURN, Clock, claims_of

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # pragma: allowlist secret
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # pragma: allowlist secret
"""The worked example of RFC 7636, appendix B."""


ASKED = {
    "response_type": "code",
    "client_id": "studio",
    "redirect_uri": RETURN,
    "scope": "openid profile jobs operator",
    "audience": AUDIENCE,
    "state": "xyz",
    "nonce": "n-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


async def code_for(http: httpx.AsyncClient, username: str = "alice", **changed: str) -> str:
    asked = {**ASKED, **changed}
    reply = await http.post("authorize", params=asked, data={"username": username})
    assert reply.status_code == 303, reply.text
    return parse_qs(urlsplit(reply.headers["location"]).query)["code"][0]


def redemption(code: str, **changed: str) -> dict[str, str]:
    form = {
        "grant_type": "authorization_code",
        "client_id": "studio",
        "code": code,
        "redirect_uri": RETURN,
        "code_verifier": VERIFIER,
    }
    return {**form, **changed}


async def test_sign_in_with_pkce_gives_an_access_token_and_a_separate_id_token(
    http: httpx.AsyncClient, data: Path, clock: Clock
) -> None:
    code = await code_for(http)
    reply = await http.post("oauth/token", data=redemption(code))
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    tokens = reply.json()
    header, access = claims_of(tokens["access_token"], data)
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "RS256"
    assert access["sub"] == "dev|alice"
    assert access["aud"] == [AUDIENCE, f"{ISSUER}userinfo"]
    assert access["azp"] == access["client_id"] == "studio"
    assert access["exp"] == clock.now + 3600
    assert access["scope"] == "jobs openid profile"
    header, identity = claims_of(tokens["id_token"], data)
    assert header["typ"] == "JWT"
    assert identity["aud"] == "studio"
    assert identity["nonce"] == "n-1"
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert identity["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()


async def test_userinfo_tells_the_bearer_of_an_access_token_who_they_are(
    http: httpx.AsyncClient,
) -> None:
    tokens = (await http.post("oauth/token", data=redemption(await code_for(http)))).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    info = await http.get("userinfo", headers=headers)
    assert info.json() == {"sub": "dev|alice", "preferred_username": "alice"}
    refused = await http.get("userinfo", headers={"Authorization": f"Bearer {tokens['id_token']}"})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_only_the_user_an_extra_scope_was_given_to_is_granted_it(
    http: httpx.AsyncClient,
) -> None:
    olga = await http.post("oauth/token", data=redemption(await code_for(http, "olga")))
    alice = await http.post("oauth/token", data=redemption(await code_for(http, "alice")))
    assert "operator" in olga.json()["scope"].split()
    assert "operator" not in alice.json()["scope"].split()


@pytest.mark.parametrize("verifier", [VERIFIER[:-1] + "A", "short", "x" * 129])
async def test_a_wrong_verifier_is_refused_and_uses_the_code_up(
    http: httpx.AsyncClient, verifier: str
) -> None:
    code = await code_for(http)
    wrong = await http.post("oauth/token", data=redemption(code, code_verifier=verifier))
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    right = await http.post("oauth/token", data=redemption(code))
    assert right.json()["error"] == "invalid_grant"


async def test_a_verifier_too_short_to_be_secret_is_refused(http: httpx.AsyncClient) -> None:
    digest = hashlib.sha256(b"short").digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    code = await code_for(http, code_challenge=challenge)
    reply = await http.post("oauth/token", data=redemption(code, code_verifier="short"))
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


async def test_a_code_works_once(http: httpx.AsyncClient) -> None:
    code = await code_for(http)
    assert (await http.post("oauth/token", data=redemption(code))).status_code == 200
    again = await http.post("oauth/token", data=redemption(code))
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_code_expires(http: httpx.AsyncClient, clock: Clock) -> None:
    code = await code_for(http)
    clock.now += 61
    late = await http.post("oauth/token", data=redemption(code))
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": RETURN + "/"},
        {"redirect_uri": "http://127.0.0.1:9200/elsewhere"},
        {"client_id": "gallery"},
        {"code": "never-issued"},
    ],
)
async def test_a_code_is_bound_to_its_client_and_address(
    http: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    code = await code_for(http)
    reply = await http.post("oauth/token", data=redemption(code) | changed)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("missing", ["code", "redirect_uri", "code_verifier"])
async def test_a_redemption_must_be_complete(http: httpx.AsyncClient, missing: str) -> None:
    form = redemption(await code_for(http))
    del form[missing]
    reply = await http.post("oauth/token", data=form)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": "cli"},
        {"redirect_uri": RETURN + "?x=1"},
        {"redirect_uri": RETURN.upper()},
        {"redirect_uri": "https://evil.example/signin/callback"},
        {"redirect_uri": ""},
    ],
)
async def test_an_untrusted_return_address_is_answered_with_a_page_and_no_redirect(
    http: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    for method in ("GET", "POST"):
        reply = await http.request(method, "authorize", params={**ASKED, **changed})
        assert reply.status_code == 400
        assert "location" not in reply.headers
        assert "<h1>This sign-in cannot go on</h1>" in reply.text


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "too-short"}, "invalid_request"),
        ({"audience": "https://unknown.example"}, "invalid_target"),
        ({"prompt": "none"}, "login_required"),
        ({"nonce": "n" * 1025}, "invalid_request"),
    ],
)
async def test_other_faults_go_back_to_the_application_with_its_state(
    http: httpx.AsyncClient, changed: dict[str, str], error: str
) -> None:
    reply = await http.get("authorize", params={**ASKED, **changed})
    assert reply.status_code == 303
    assert reply.headers["location"].startswith(RETURN + "?")
    answer = parse_qs(urlsplit(reply.headers["location"]).query)
    assert answer["error"] == [error]
    assert answer["state"] == ["xyz"]
    assert answer["iss"] == [ISSUER]
    assert "code" not in answer


async def test_a_parameter_given_twice_is_refused(http: httpx.AsyncClient) -> None:
    reply = await http.get(f"authorize?{urlencode(ASKED)}&scope=openid")
    assert "error=invalid_request" in reply.headers["location"]
    form = "grant_type=client_credentials&grant_type=client_credentials"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await http.post("oauth/token", content=form, headers=headers)
    assert reply.json()["error"] == "invalid_request"


async def test_cancel_tells_the_application(http: httpx.AsyncClient) -> None:
    reply = await http.post("authorize", params=ASKED, data={"action": "cancel"})
    assert "error=access_denied" in reply.headers["location"]


async def test_the_page_works_without_script_and_escapes_what_it_is_given(
    http: httpx.AsyncClient,
) -> None:
    evil = '"><script>alert(1)</script>'
    reply = await http.get("authorize", params={**ASKED, "state": evil, "login_hint": evil})
    assert reply.status_code == 200
    assert "<script" not in reply.text
    assert f'value="{evil}"' in unescape(reply.text)
    assert '<label for="username">' in reply.text
    assert 'value="alice"' in reply.text
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:9200;" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("username", ["", "  ", "dev|alice", "a b", "ä", "<b>", "x" * 65, "-x"])
async def test_an_impossible_user_name_shows_the_page_again_with_the_reason(
    http: httpx.AsyncClient, username: str
) -> None:
    reply = await http.post("authorize", params=ASKED, data={"username": username})
    assert reply.status_code == 422
    assert 'role="alert"' in reply.text
    assert 'aria-describedby="username-hint username-error"' in reply.text

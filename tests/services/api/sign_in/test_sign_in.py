"""Signing in with a browser: the way through, and every way to go astray."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select
from structlog.typing import EventDict

from api import paths
from rekindle.models import BrowserSession
from rekindle.rules.browser_sessions import sha256_of
from rekindle.rules.identity import OPERATE
from rekindle.store.database import Database
from tests.services.api.sign_in.conftest import (
    AUDIENCE,
    CLIENT,
    HOME,
    ISSUER,
    Browser,
    Fields,
    House,
    Wire,
    query,
)

SESSION, SIGN_IN = "rekindle-session", "rekindle-sign-in"


async def count(database: Database) -> int:
    async with database.transaction() as session:
        statement = select(func.count()).select_from(BrowserSession)
        return (await session.execute(statement)).scalar_one()


async def test_a_person_signs_in_and_out_again(browser: Browser, house: House, wire: Wire) -> None:
    before = await count(house.database)
    address = await browser.begin("/api/v1/session?x=1")
    asked = query(address)
    assert address.startswith(f"{ISSUER}authorize?")
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"] == f"{HOME}/sign-in/callback"
    assert asked["audience"] == AUDIENCE
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) == 43

    arrived = await browser.http.get(await browser.consent(address))
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/api/v1/session?x=1")
    assert arrived.headers["cache-control"] == "no-store"
    digest = hashlib.sha256(wire.posts[-1]["code_verifier"][0].encode()).digest()
    sent = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert sent == asked["code_challenge"]
    assert SIGN_IN not in browser.http.cookies
    assert await count(house.database) == before + 1

    who = await browser.session()
    assert (who["subject"], who["is_operator"], who["scopes"]) == ("dev|alice", False, ["openid"])
    page = await browser.http.get(paths.ACCOUNT)
    assert "dev|alice" in page.text
    assert page.headers["referrer-policy"] == "same-origin"
    form = Fields(page.text).found
    assert form == {"csrf_token": who["csrf_token"]}

    headers = {"Origin": HOME, "Sec-Fetch-Site": "same-origin"}
    left = await browser.http.post(paths.SIGN_OUT, data=form, headers=headers)
    back = {"client_id": CLIENT, "post_logout_redirect_uri": f"{HOME}/account"}
    assert left.status_code == 303
    assert left.headers["location"] == f"{ISSUER}oidc/logout?{urlencode(back)}"
    returned = await browser.issuer.get(left.headers["location"])
    assert returned.headers["location"] == f"{HOME}/account"
    assert SESSION not in browser.http.cookies
    assert await count(house.database) == before
    assert "You are signed out" in (await browser.http.get(paths.ACCOUNT)).text


async def test_who_knows_us_by_another_name_signs_in_under_the_one_the_issuer_knows(
    browser: Browser,
) -> None:
    elsewhere = HOME.replace("127.0.0.1", "localhost")
    moved = await browser.http.get(f"{elsewhere}{paths.SIGN_IN}", params={"next": "/account?x=1"})
    address = moved.headers["location"]
    assert (moved.status_code, moved.headers.get("set-cookie")) == (303, None)
    assert address == f"{HOME}/sign-in?next=%2Faccount%3Fx%3D1&moved=1"
    begun = await browser.http.get(address)
    arrived = await browser.http.get(await browser.consent(begun.headers["location"]))
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/account?x=1")
    assert (await browser.session())["subject"] == "dev|alice"


async def test_a_proxy_that_changes_the_name_sends_nobody_in_a_circle(browser: Browser) -> None:
    """All that reaches us names the proxy's own idea of us."""
    host = {"Host": "api.internal:8000"}
    moved = await browser.http.get(paths.SIGN_IN, headers=host)
    begun = await browser.http.get(moved.headers["location"], headers=host)
    assert begun.headers["location"].startswith(f"{ISSUER}authorize?")
    arrived = await browser.http.get(await browser.consent(begun.headers["location"]), headers=host)
    assert arrived.headers["location"] == paths.ACCOUNT


async def test_an_operator_is_one_by_cookie_as_well(browser: Browser) -> None:
    await browser.sign_in("olga")
    who = await browser.session()
    assert (who["is_operator"], OPERATE in who["scopes"]) == (True, True)
    assert (await browser.http.get(paths.OPERATOR_API_KEYS)).status_code == 200


async def test_what_the_database_keeps_opens_nothing(browser: Browser, house: House) -> None:
    await browser.sign_in()
    value = browser.http.cookies[SESSION]
    async with house.database.transaction() as session:
        rows = (await session.execute(select(BrowserSession))).scalars().all()
    assert sha256_of(value) in {row.sha256 for row in rows}
    assert value not in repr(rows)


async def test_nothing_of_a_sign_in_is_logged(browser: Browser, log: list[EventDict]) -> None:
    address = await browser.consent(await browser.begin())
    kept = browser.http.cookies[SIGN_IN]
    await browser.http.get(address)
    await browser.http.get(address)
    said = repr(log)
    for secret in (*query(address).values(), kept, browser.http.cookies[SESSION]):
        assert secret == ISSUER or secret not in said


# -- An answer that is not to this browser's sign-in ---------------------------------------------


async def refused(browser: Browser, address: str, code: str = "sign_in_failed") -> None:
    """The answer is a page that tells the code, and nobody is signed in by it."""
    had = browser.http.cookies.get(SESSION)
    reply = await browser.http.get(address)
    assert reply.status_code in {400, 403, 422}, reply.text
    assert reply.headers["content-type"].startswith("text/html")
    assert f"<code>{code}</code>" in reply.text
    assert "location" not in reply.headers
    assert browser.http.cookies.get(SESSION) == had


async def test_login_csrf_meets_no_sign_in_of_the_victims_browser(
    open_browser: Callable[[], Browser],
) -> None:
    """The attacker signs in, and has the victim's browser finish it."""
    attacker, victim = open_browser(), open_browser()
    theirs = await attacker.consent(await attacker.begin(), "olga")
    await refused(victim, theirs)
    own = await victim.consent(await victim.begin())
    await refused(victim, theirs)
    # It did not even end the sign-in that the victim had begun.
    assert (await victim.http.get(own)).status_code == 303
    assert (await victim.session())["subject"] == "dev|alice"


async def test_a_state_is_good_once(browser: Browser) -> None:
    address = await browser.consent(await browser.begin())
    kept = browser.http.cookies[SIGN_IN]
    assert (await browser.http.get(address)).status_code == 303
    await refused(browser, address)
    browser.http.cookies.set(SIGN_IN, kept, domain="127.0.0.1")
    await refused(browser, address)  # the code was redeemed already


@pytest.mark.parametrize("changed", [{"state": ""}, {"state": "x"}, {"code": ""}, {"code": "x"}])
async def test_an_answer_that_was_changed_on_its_way_is_refused(
    changed: dict[str, str], browser: Browser
) -> None:
    given = query(await browser.consent(await browser.begin()))
    await refused(browser, f"{paths.SIGN_IN_CALLBACK}?{urlencode({**given, **changed})}")
    assert await browser.outcome() == (401, "missing_token")


@pytest.mark.parametrize("iss", [None, "https://evil.example/", ISSUER.rstrip("/")])
async def test_an_answer_of_another_issuer_is_refused(iss: str | None, browser: Browser) -> None:
    """Ours says in its discovery document that it names itself (RFC 9207)."""
    given = query(await browser.consent(await browser.begin()))
    del given["iss"]
    more = {} if iss is None else {"iss": iss}
    await refused(browser, f"{paths.SIGN_IN_CALLBACK}?{urlencode({**given, **more})}")


async def test_a_code_of_another_sign_in_is_refused(open_browser: Callable[[], Browser]) -> None:
    """Injected into the victim's own answer: PKCE ties it to the browser that asked."""
    attacker, victim = open_browser(), open_browser()
    theirs = query(await attacker.consent(await attacker.begin(), "olga"))
    own = query(await victim.consent(await victim.begin()))
    mixed = {**own, "code": theirs["code"]}
    await refused(victim, f"{paths.SIGN_IN_CALLBACK}?{urlencode(mixed)}")


@pytest.mark.parametrize(
    "downgrade", [{"code_challenge_method": "plain"}, {"code_challenge": "x" * 43}]
)
async def test_pkce_cannot_be_talked_down(downgrade: dict[str, str], browser: Browser) -> None:
    asked = {**query(await browser.begin()), **downgrade}
    reply = await browser.issuer.post(f"authorize?{urlencode(asked)}", data={"username": "alice"})
    code = "sign_in_declined" if "error=" in reply.headers["location"] else "sign_in_failed"
    assert code == (
        "sign_in_declined" if "code_challenge_method" in downgrade else "sign_in_failed"
    )
    await refused(browser, reply.headers["location"], code)


async def test_a_nonce_of_another_sign_in_is_refused(browser: Browser) -> None:
    asked = {**query(await browser.begin()), "nonce": "n-1"}
    await refused(browser, await browser.consent(f"authorize?{urlencode(asked)}"))


async def test_a_token_for_another_api_is_refused(browser: Browser, wire: Wire) -> None:
    wire.change = lambda tokens: {**tokens, "access_token": tokens["id_token"]}
    await refused(browser, await browser.consent(await browser.begin()))


@pytest.mark.parametrize("lacking", ["id_token", "access_token"])
async def test_an_answer_without_both_tokens_is_refused(
    lacking: str, browser: Browser, wire: Wire
) -> None:
    wire.change = lambda tokens: {**tokens, lacking: None}
    await refused(browser, await browser.consent(await browser.begin()))


async def test_tokens_of_two_people_are_refused(browser: Browser, wire: Wire) -> None:
    kept: list[str] = []

    def swap(tokens: dict[str, Any]) -> dict[str, Any]:
        kept.append(tokens["access_token"])
        return {**tokens, "access_token": kept[0]}

    wire.change = swap
    assert (await browser.sign_in("olga")).status_code == 303
    await refused(browser, await browser.consent(await browser.begin(), "alice"))


async def test_who_calls_it_off_is_told_so(browser: Browser) -> None:
    address = await browser.begin("/x")
    reply = await browser.issuer.post(address, data={"action": "cancel"})
    shown = await browser.http.get(reply.headers["location"])
    assert shown.status_code == 403
    assert "<code>sign_in_declined</code>" in shown.text
    assert 'href="/sign-in?next=%2Fx"' in shown.text
    assert SIGN_IN not in browser.http.cookies


async def test_programs_are_told_in_a_problem_document(browser: Browser) -> None:
    headers = {"Accept": "application/json"}
    reply = await browser.http.get(paths.SIGN_IN_CALLBACK, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (400, "sign_in_failed")


# -- Where it leads ------------------------------------------------------------------------------


ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/x\r\nSet-Cookie: a=b",
    "/x\x00",
    " /x",
    "x",
    "",
    "@evil.example",
    "/" + "x" * 1000,
    "/\N{FULLWIDTH SOLIDUS}evil.example",
]


async def test_a_sign_in_leads_nowhere_but_to_our_own_pages(browser: Browser) -> None:
    for path in ELSEWHERE:
        await refused(browser, f"{paths.SIGN_IN}?{urlencode({'next': path})}", "invalid_request")
    assert SIGN_IN not in browser.http.cookies


async def test_a_sign_in_leads_to_any_of_our_own(browser: Browser) -> None:
    for path in ("/", "/studio?job=1&x=%2F%2Fevil#top", "/a//b", "/.//b"):
        assert (await browser.sign_in(next_path=path)).headers["location"] == path


# -- While others are away -----------------------------------------------------------------------


async def test_while_the_issuer_is_away_nothing_is_begun(browser: Browser, wire: Wire) -> None:
    wire.cut = True
    reply = await browser.http.get(paths.SIGN_IN)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    assert "<code>issuer_unavailable</code>" in reply.text
    assert "set-cookie" not in reply.headers


async def test_an_issuer_that_leaves_midway_leaves_nothing_half_made(
    browser: Browser, wire: Wire, house: House
) -> None:
    address = await browser.consent(await browser.begin("/x"))
    before = await count(house.database)
    wire.cut = True
    reply = await browser.http.get(address)
    assert reply.status_code == 503
    assert SESSION not in browser.http.cookies
    assert await count(house.database) == before
    wire.cut = False
    again = await browser.http.get(address)  # the page, loaded anew
    assert (again.status_code, again.headers["location"]) == (303, "/x")

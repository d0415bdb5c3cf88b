"""Browser sessions: what a cookie opens, from which pages, and when it is over."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, func, select, update
from sqlmodel import col
from starlette.applications import Starlette

from api import paths
from api.app import create_app
from api.open_routes import OPEN_ROUTES
from api.sign_in import begin, sealed, unsealed
from rekindle.errors import SignInFailed
from rekindle.models import BrowserSession, User
from rekindle.rules.browser_sessions import TRUSTED_SECONDS, csrf_token, sha256_of
from rekindle.store import browser_sessions
from rekindle.store.database import Database
from tests.services.api.sign_in.conftest import (
    FRIEND,
    HOME,
    ISSUER,
    SECURE_HOME,
    UNTIL,
    Browser,
    House,
    settings,
)
from tests.services.rows import stored_job
from tests.services.statements import statements

SESSION = "rekindle-session"
EVIL = "https://evil.example"
REFUSED = (403, "csrf_refused")


@pytest.fixture
async def alice(browser: Browser) -> Browser:
    assert (await browser.sign_in()).status_code == 303
    return browser


def value_of(browser: Browser) -> str:
    return browser.http.cookies[SESSION]


def give(browser: Browser, value: str) -> None:
    browser.http.cookies.delete(SESSION)
    browser.http.cookies.set(SESSION, value, domain="127.0.0.1", path="/")


async def change(database: Database, browser: Browser, **values: Any) -> None:
    mine = col(BrowserSession.sha256) == sha256_of(value_of(browser))
    async with database.transaction() as session:
        await session.execute(update(BrowserSession).where(mine).values(**values))


async def make_key(browser: Browser, **headers: str | None) -> tuple[int, str | None]:
    """Change something, as a page would that sends these headers; status and code."""
    sent = {name: value for name, value in headers.items() if value is not None}
    reply = await browser.http.post(paths.API_KEYS, json={"name": "k"}, headers=sent)
    return reply.status_code, reply.json().get("code")


# -- What a cookie opens -------------------------------------------------------------------------


async def test_a_page_of_ours_does_with_the_cookie_what_a_program_does_with_a_token(
    alice: Browser,
) -> None:
    signs = await alice.signs()
    assert await make_key(alice, **signs) == (201, None)
    [key] = (await alice.http.get(paths.API_KEYS)).json()["api_keys"]
    assert (await alice.http.delete(key["links"]["revoke"])).json()["code"] == "csrf_refused"
    assert (await alice.http.delete(key["links"]["revoke"], headers=signs)).status_code == 204


async def test_a_repeat_under_an_idempotency_key_is_the_same_request(alice: Browser) -> None:
    signs = {**await alice.signs(), "Idempotency-Key": str(uuid4())}
    first = await alice.http.post(paths.API_KEYS, json={"name": "k"}, headers=signs)
    again = await alice.http.post(paths.API_KEYS, json={"name": "k"}, headers=signs)
    assert first.json()["id"] == again.json()["id"]


async def test_a_bearer_goes_before_a_cookie_and_needs_no_other_sign(alice: Browser) -> None:
    signs = await alice.signs()
    made = await alice.http.post(paths.API_KEYS, json={"name": "k"}, headers=signs)
    bearer = {"Authorization": f"Bearer {made.json()['key']}"}
    who = (await alice.http.get(paths.SESSION, headers=bearer)).json()
    assert (who["subject"], who["csrf_token"], who["links"]) == (
        "dev|alice",
        None,
        {"sign_out": None},
    )
    revoke = made.json()["links"]["revoke"]
    foreign = {**bearer, "Origin": EVIL}
    assert (await alice.http.delete(revoke, headers=foreign)).status_code == 204
    # The key is void now, and the good cookie beside it is not looked at.
    reply = await alice.http.get(paths.SESSION, headers=bearer)
    assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")


async def test_a_header_that_is_no_token_is_not_made_good_by_a_cookie(alice: Browser) -> None:
    for header in ("Basic YWxpY2U6", "Bearer", "Bearer wrong", ""):
        reply = await alice.http.get(paths.SESSION, headers={"Authorization": header})
        assert reply.status_code == 401, header


async def test_an_event_stream_is_opened_with_the_cookie(alice: Browser, house: House) -> None:
    async with house.database.transaction() as session:
        job_id = (await stored_job(session, issuer=ISSUER, subject="dev|alice")).id
    stream = await alice.http.get(paths.events(job_id))
    assert (stream.status_code, "event: job" in stream.text) == (200, True)
    alice.http.cookies.clear()
    assert (await alice.http.get(paths.events(job_id))).status_code == 401


async def test_whoever_goes_on_longer_than_a_minute_asks_again(
    alice: Browser, house: House
) -> None:
    """So that signing out reaches the event streams that are open."""
    async with house.database.transaction() as session:
        now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    trusted_until = (await alice.http.get(UNTIL)).json()
    ends = datetime.fromisoformat((await alice.session())["expires_at"]).timestamp()
    assert trusted_until < now.timestamp() + TRUSTED_SECONDS + 600 < ends  # a slow machine's


async def test_a_request_with_a_cookie_costs_one_statement(alice: Browser, house: House) -> None:
    with statements(house.database) as said:
        await alice.session()
    assert len(said) == 1, said


async def test_a_use_is_noted_about_once_a_minute(alice: Browser, house: House) -> None:
    ago = timedelta(minutes=5)
    await change(house.database, alice, last_used_at=func.now() - ago)
    await alice.session()
    async with house.database.transaction() as session:
        found = await browser_sessions.find(session, sha256_of(value_of(alice)))
    assert found is not None
    assert found.looked_at - found.row.last_used_at < ago


# -- Other people's pages ------------------------------------------------------------------------


async def test_a_request_without_the_sessions_own_token_is_refused(
    alice: Browser, open_browser: Callable[[], Browser]
) -> None:
    signs, stranger = await alice.signs(), open_browser()
    await stranger.sign_in("mallory")
    theirs = (await stranger.session())["csrf_token"]
    wrong = ("", "0" * 64, theirs, signs["X-CSRF-Token"].upper())
    for token in wrong:
        assert await make_key(alice, **{**signs, "X-CSRF-Token": token}) == REFUSED, token
    del signs["X-CSRF-Token"]
    assert await make_key(alice, **signs) == REFUSED


ORIGINS: list[tuple[str | None, str | None, bool]] = [
    (HOME, "same-origin", True),
    (HOME, None, True),
    (None, "same-origin", True),
    ("null", "same-origin", True),  # a form of a page without referrers
    (None, None, False),
    ("null", None, False),
    (EVIL, None, False),
    (EVIL, "cross-site", False),
    (EVIL, "same-origin", False),
    (HOME, "cross-site", False),
    (HOME, "same-site", False),
    (HOME, "none", False),
    ("http://127.0.0.1:8001", "same-site", False),
    ("http://127.0.0.1:8001", None, False),
    ("https://127.0.0.1:8000", None, False),
    (f"{HOME}.evil.example", None, False),
    (f"{HOME}/", None, False),
    ("", None, False),
]
"""`Origin`, `Sec-Fetch-Site`, and whether that is a page of ours."""


async def test_only_a_page_of_our_own_origin_may_change_something(alice: Browser) -> None:
    """Even one that somehow got hold of the token."""
    token = (await alice.signs())["X-CSRF-Token"]
    for origin, site, is_ours in ORIGINS:
        sent = {"X-CSRF-Token": token, "Origin": origin, "Sec-Fetch-Site": site}
        expected = (201, None) if is_ours else (403, "csrf_refused")
        assert await make_key(alice, **sent) == expected, (origin, site)


async def test_a_browser_that_names_two_origins_is_refused(alice: Browser) -> None:
    signs = [*(await alice.signs()).items(), ("Origin", EVIL)]
    reply = await alice.http.post(paths.API_KEYS, json={"name": "k"}, headers=signs)
    assert reply.json()["code"] == "csrf_refused"


async def test_no_route_changes_anything_for_a_foreign_page(alice: Browser, app: FastAPI) -> None:
    """Every one of them, also those that are added later; before a body is looked at."""
    doors = [
        (method.upper(), re.sub(r"\{\w+\}", str(uuid4()), path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if method != "get" and (method.upper(), path) not in OPEN_ROUTES
    ]
    assert len(doors) >= 10
    for method, path in doors:
        for headers in ({}, {"Origin": EVIL, "Content-Type": "text/plain"}):
            reply = await alice.http.request(method, path, content=b"{", headers=headers)
            assert (reply.status_code, reply.json()["code"]) == (403, "csrf_refused"), path


async def test_pages_of_other_origins_never_read_what_a_cookie_opens(alice: Browser) -> None:
    """Also those that may call the API with tokens: they are not sent our people's cookies."""
    reply = await alice.http.get(paths.SESSION, headers={"Origin": FRIEND})
    assert reply.headers["access-control-allow-origin"] == FRIEND
    assert "access-control-allow-credentials" not in reply.headers
    asked = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-csrf-token",
    }
    assert (await alice.http.options(paths.API_KEYS, headers=asked)).status_code == 400
    signs = {**await alice.signs(), "Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}
    assert await make_key(alice, **signs) == (403, "csrf_refused")


# -- The end of a session ------------------------------------------------------------------------


async def test_a_cookie_that_was_changed_opens_nothing(alice: Browser) -> None:
    value = value_of(alice)
    for changed in (
        value[:-1] + ("A" if value[-1] != "A" else "B"),
        value + "A",
        value.swapcase(),
        "A" * 43,
        "x",
        "%00",
        "A" * 4000,
    ):
        give(alice, changed)
        assert await alice.outcome() == (401, "session_ended"), changed[:50]


@pytest.mark.parametrize("which", ["absolute", "idle"])
async def test_a_session_has_an_end(which: str, alice: Browser, house: House) -> None:
    assert await alice.outcome() == (200, None)
    if which == "absolute":
        await change(house.database, alice, expires_at=func.now())
    else:
        await change(house.database, alice, last_used_at=func.now() - timedelta(minutes=121))
    reply = await alice.http.get(paths.SESSION)
    assert (reply.status_code, reply.json()["code"]) == (401, "session_ended")
    assert reply.headers["www-authenticate"] == "Bearer"
    assert "You are signed out" in (await alice.http.get(paths.ACCOUNT)).text


async def test_who_signed_out_elsewhere_is_signed_out_here(
    alice: Browser, open_browser: Callable[[], Browser]
) -> None:
    """The same cookie, in another browser."""
    other = open_browser()
    give(other, value_of(alice))
    signs = await other.signs()
    assert (await other.http.post(paths.SIGN_OUT, headers=signs)).status_code == 303
    assert await alice.outcome() == (401, "session_ended")
    # Signing out once more is no error, and leads to the same place.
    again = await alice.http.post(paths.SIGN_OUT, headers=signs)
    assert again.status_code == 303


async def test_signing_in_on_another_browser_ends_nothing(
    alice: Browser, open_browser: Callable[[], Browser]
) -> None:
    other = open_browser()
    await other.sign_in()
    assert value_of(other) != value_of(alice)
    assert await alice.outcome() == await other.outcome() == (200, None)


async def test_a_value_that_was_there_before_the_sign_in_is_worth_nothing_after_it(
    browser: Browser, open_browser: Callable[[], Browser]
) -> None:
    """Session fixation: the attacker has planted a value, even that of a session of their own."""
    attacker = open_browser()
    await attacker.sign_in("mallory")
    planted = value_of(attacker)
    give(browser, planted)
    await browser.sign_in("alice")
    assert value_of(browser) != planted
    assert (await browser.session())["subject"] == "dev|alice"
    assert await attacker.outcome() == (401, "session_ended")


async def test_every_sign_in_has_another_value_and_another_csrf_token(alice: Browser) -> None:
    value, token = value_of(alice), (await alice.session())["csrf_token"]
    await alice.sign_in()
    assert value_of(alice) != value
    assert (await alice.session())["csrf_token"] != token
    give(alice, value)
    assert await alice.outcome() == (401, "session_ended")


async def test_nobody_is_signed_out_by_another_page(alice: Browser) -> None:
    for headers in ({}, {"Origin": EVIL}, {"Origin": HOME}, {"Sec-Fetch-Site": "cross-site"}):
        reply = await alice.http.post(
            paths.SIGN_OUT, data={"csrf_token": "0" * 64}, headers=headers
        )
        assert (reply.status_code, "<code>csrf_refused</code>" in reply.text) == (403, True)
    assert (await alice.http.get(paths.SIGN_OUT)).status_code == 405
    assert await alice.outcome() == (200, None)


async def test_signing_out_works_while_the_issuer_is_away(
    alice: Browser, house: House, app: FastAPI
) -> None:
    """The endpoints are known from the sign-in, and are not asked for again at once."""
    house.wire.cut = True
    reply = await alice.http.post(paths.SIGN_OUT, headers=await alice.signs())
    assert reply.status_code == 303
    assert await alice.outcome() == (401, "missing_token")


async def test_a_users_sessions_go_with_the_user(alice: Browser, house: House) -> None:
    async with house.database.transaction() as session:
        found = await browser_sessions.find(session, sha256_of(value_of(alice)))
        assert found is not None
        await session.execute(delete(User).where(col(User.id) == found.row.user_id))
    assert await alice.outcome() == (401, "session_ended")


async def test_the_sweep_takes_what_is_over_and_nothing_else(
    alice: Browser, house: House, open_browser: Callable[[], Browser]
) -> None:
    old = open_browser()
    await old.sign_in()
    await change(house.database, old, expires_at=func.now() - timedelta(seconds=1))
    gone = 1
    while gone:
        async with house.database.transaction() as session:
            gone = await browser_sessions.sweep(session, most=1)
    async with house.database.transaction() as session:
        assert await browser_sessions.find(session, sha256_of(value_of(old))) is None
    assert await alice.outcome() == (200, None)


async def test_without_the_database_nobody_is_called_signed_out(
    alice: Browser, house: House, app: FastAPI
) -> None:
    lost = Database("postgresql://u:p@127.0.0.1:1/none", patience_seconds=2)
    app.state.ports = replace(app.state.ports, database=lost)
    reply = await alice.http.get(paths.SESSION)
    assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")
    address = await alice.consent(await alice.begin())
    assert (await alice.http.get(address)).status_code == 503
    await lost.close()


# -- Cookies -------------------------------------------------------------------------------------


def cookies_of(reply: httpx.Response) -> dict[str, set[str]]:
    """Attributes of the cookies that are set, small, without their values."""
    found = {}
    for line in reply.headers.get_list("set-cookie"):
        name, *attributes = line.split(";")
        found[name.partition("=")[0]] = {each.strip().lower() for each in attributes}
    return found


async def cookies_set(browser: Browser) -> list[dict[str, set[str]]]:
    """By each step of signing in and out."""
    begun = await browser.http.get(paths.SIGN_IN)
    arrived = await browser.http.get(await browser.consent(begun.headers["location"]))
    left = await browser.http.post(paths.SIGN_OUT, headers=await browser.signs())
    return [cookies_of(reply) for reply in (begun, arrived, left)]


async def test_cookies_are_for_this_host_and_its_own_pages_alone(
    browser: Browser, house: House, issuer: Starlette
) -> None:
    secure_app = create_app(settings(SECURE_HOME), open_ports=house.open)
    async with secure_app.router.lifespan_context(secure_app):
        secure = Browser(secure_app, issuer, SECURE_HOME)
        by_https = await cookies_set(secure)
        await secure.http.aclose()
        await secure.issuer.aclose()
    for prefix, more, (begun, arrived, left) in (
        ("__Host-", {"secure"}, by_https),
        ("", set(), await cookies_set(browser)),
    ):
        fixed = {"httponly", "samesite=lax", "path=/", *more}
        session, sign_in = f"{prefix}rekindle-session", f"{prefix}rekindle-sign-in"
        assert begun == {sign_in: {*fixed, "max-age=600"}}
        assert arrived == {
            session: {*fixed, f"max-age={12 * 3600}"},
            sign_in: {*fixed, "max-age=0"},
        }
        assert left == {session: {*fixed, "max-age=0"}}


def test_a_sign_in_that_took_too_long_is_begun_anew() -> None:
    """And so is one whose cookie another deployment has made."""
    begun = begin("/x")
    kept = sealed(begun, "s" * 32)
    assert unsealed(kept, "s" * 32) == begun
    for cookie, secret, lasts in (
        (kept, "s" * 32, timedelta(seconds=-1)),
        (kept, "t" * 32, timedelta(minutes=10)),
        (kept[:-3] + "A==", "s" * 32, timedelta(minutes=10)),
        ("", "s" * 32, timedelta(minutes=10)),
        ("\N{SNOWMAN}", "s" * 32, timedelta(minutes=10)),
    ):
        with pytest.raises(SignInFailed):
            unsealed(cookie, secret, lasts=lasts)


async def test_the_csrf_token_is_of_the_session_and_of_our_key(alice: Browser) -> None:
    sha256 = sha256_of(value_of(alice))
    assert (await alice.session())["csrf_token"] == csrf_token(sha256, "s" * 32)
    assert csrf_token(sha256, "t" * 32) != csrf_token(sha256, "s" * 32)

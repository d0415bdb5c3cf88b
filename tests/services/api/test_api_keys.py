"""API keys: made once, good until they are revoked or expire, never more than their maker."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from api import paths
from api.api_keys import principal_of_key
from rekindle.models import ApiKey, IdempotencyKey, User
from rekindle.ports.identity import Principal
from rekindle.rules.api_keys import MOST_KEYS, TRUSTED_SECONDS, key_text, sha256_of
from rekindle.rules.identity import OPERATE
from rekindle.store import api_keys
from rekindle.store.database import Database
from tests.services.statements import statements

ISSUER = "https://issuer.example/"
KEYS = paths.API_KEYS
OPERATORS = paths.OPERATOR_API_KEYS
Serve = Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]


class Tokens:
    """Good tokens are names of their bearers, with their scopes behind an exclamation mark."""

    async def verify(self, token: str) -> Principal:
        name, _, scopes = token.partition("!")
        return Principal(ISSUER, name, frozenset(scopes.split()), None, 2**40)

    async def check(self) -> None:
        return None


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def alice() -> str:
    """A name that nobody had before."""
    return f"alice-{uuid4()}"


@pytest.fixture
async def http(serve: Serve, world: Any, alice: str) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as alice."""
    world.tokens = Tokens()
    async with serve() as client:
        client.headers.update(bearer(alice))
        yield client


@pytest.fixture
def operator() -> dict[str, str]:
    return bearer(f"olga!{OPERATE}")


async def made(http: httpx.AsyncClient, **wish: Any) -> dict[str, Any]:
    headers = wish.pop("headers", {})
    reply = await http.post(KEYS, json={"name": "album server", **wish}, headers=headers)
    assert reply.status_code == 201, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def ask(http: httpx.AsyncClient, key: str) -> tuple[int, str | None]:
    """Status, and code if it is a refusal, of an ordinary question with a key."""
    reply = await http.get("/api/v1/jobs", headers=bearer(key))
    return reply.status_code, reply.json().get("code")


async def listed(
    http: httpx.AsyncClient, path: str = KEYS, **headers: str
) -> dict[str, dict[str, Any]]:
    reply = await http.get(path, headers=headers)
    assert reply.status_code == 200, reply.text
    return {each["id"]: each for each in reply.json()["api_keys"]}


async def change(database: Database, key: dict[str, Any], **values: Any) -> None:
    async with database.transaction() as session:
        mine = col(ApiKey.id) == UUID(key["id"])
        await session.execute(update(ApiKey).where(mine).values(**values))


async def row_of(database: Database, key: dict[str, Any]) -> ApiKey:
    async with database.transaction() as session:
        found = await api_keys.find(session, UUID(key["id"]))
    assert found is not None
    return found.row


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


async def test_a_key_acts_as_its_maker(http: httpx.AsyncClient, make_job: Any) -> None:
    job = await make_job(http)
    key = await made(http)
    reply = await http.get("/api/v1/jobs", headers=bearer(key["key"]))
    assert [each["id"] for each in reply.json()["jobs"]] == [job["id"]]
    restored = await http.post(job["links"]["restore"], json={}, headers=bearer(key["key"]))
    assert restored.status_code == 202


async def test_a_key_opens_no_more_than_its_maker_could(
    http: httpx.AsyncClient, make_job: Any
) -> None:
    key = await made(http)
    http.headers.update(bearer(f"bob-{uuid4()}"))
    job = await make_job(http)
    reply = await http.get(job["links"]["self"], headers=bearer(key["key"]))
    assert (reply.status_code, reply.json()["code"]) == (404, "job_not_found")


async def test_the_text_of_a_key_is_shown_once_and_kept_nowhere(
    http: httpx.AsyncClient, database: Database, log: list[Any], alice: str
) -> None:
    key = await made(http, headers={"Idempotency-Key": str(uuid4())}, expires_in_days=30)
    assert re.fullmatch(r"rk_[0-9a-f]{32}_[0-9a-f]{64}", key["key"])
    assert await ask(http, key["key"]) == (200, None)
    secret = key["key"].rpartition("_")[2]

    own = await listed(http)
    shown = {name: value for name, value in key.items() if name not in ("key", "last_used_at")}
    assert {**own[key["id"]], "last_used_at": None} == {**shown, "last_used_at": None}
    assert (shown["user"], shown["begins_with"]) == (alice, key["key"].rpartition("_")[0])
    async with database.transaction() as session:
        kept = [*await session.execute(select(ApiKey.__table__))]  # type: ignore[attr-defined]
        kept += [*await session.execute(select(IdempotencyKey.__table__))]  # type: ignore[attr-defined]
    for everything in (repr(own), repr(kept), repr(log)):
        assert secret not in everything
        assert bytes.fromhex(secret) not in everything.encode()
    assert (await row_of(database, key)).sha256 == sha256_of(key["key"])


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"), id="last digit"),
        pytest.param(lambda _: key_text(uuid4(), b"s" * 32), id="unknown"),
        pytest.param(
            lambda key: f"rk_{uuid4().hex}_{key.rpartition('_')[2]}", id="secret of another"
        ),
        pytest.param(lambda key: key.rpartition("_")[0], id="without its secret"),
        pytest.param(lambda key: f"{key}0", id="longer"),
    ],
)
async def test_a_wrong_key_is_refused(
    wrong: Callable[[str], str], http: httpx.AsyncClient, log: list[Any]
) -> None:
    key = wrong((await made(http))["key"])
    assert await ask(http, key) == (401, "invalid_token")
    assert key not in repr(log)


async def test_a_revoked_key_is_refused_at_once_and_revoking_it_again_changes_nothing(
    http: httpx.AsyncClient, log: list[Any]
) -> None:
    key, other = await made(http), await made(http)
    assert await ask(http, key["key"]) == (200, None)
    revoked = [await http.delete(key["links"]["revoke"]) for _ in range(2)]
    assert [(reply.status_code, reply.content) for reply in revoked] == [(204, b"")] * 2
    assert await ask(http, key["key"]) == (401, "invalid_token")
    assert await ask(http, other["key"]) == (200, None)
    own = await listed(http)
    assert [*own] == [other["id"], key["id"]]
    assert own[key["id"]]["revoked_at"] is not None
    assert [line["api_key"] for line in log if line["event"] == "a revoked API key was sent"] == [
        key["id"]
    ]


async def test_the_first_revocation_stays(http: httpx.AsyncClient, database: Database) -> None:
    key = await made(http)
    await http.delete(key["links"]["revoke"])
    at = (await row_of(database, key)).revoked_at
    await http.delete(key["links"]["revoke"])
    assert (await row_of(database, key)).revoked_at == at is not None


async def test_a_key_ends_when_its_maker_said(http: httpx.AsyncClient, database: Database) -> None:
    key = await made(http, expires_in_days=7)
    lasts = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
    assert lasts == timedelta(days=7)
    assert await ask(http, key["key"]) == (200, None)
    await change(database, key, expires_at=long_ago())
    assert await ask(http, key["key"]) == (401, "expired_token")
    wrong = key["key"][:-1] + ("0" if key["key"][-1] != "0" else "1")
    assert await ask(http, wrong) == (401, "invalid_token")  # a guess learns nothing


async def test_a_stream_that_a_key_opened_ends_soon_so_that_a_revocation_reaches_it(
    http: httpx.AsyncClient, database: Database, alice: str
) -> None:
    """A stream lives as long as its principal is trusted."""
    key = await made(http, expires_in_days=7)
    principal = await principal_of_key(key["key"], database, issuer=ISSUER)
    assert (principal.subject, principal.api_key) == (alice, UUID(key["id"]))
    used_at = (await row_of(database, key)).last_used_at
    assert used_at is not None
    assert principal.expires_at <= used_at.timestamp() + TRUSTED_SECONDS
    soon = datetime.now(UTC) + timedelta(seconds=50)
    await change(database, key, expires_at=soon)
    principal = await principal_of_key(key["key"], database, issuer=ISSUER)
    assert principal.expires_at <= soon.timestamp()


async def test_a_key_of_another_issuers_person_is_void(
    http: httpx.AsyncClient, database: Database
) -> None:
    key = await made(http)
    async with database.transaction() as session:
        whose = select(col(ApiKey.user_id)).where(col(ApiKey.id) == UUID(key["id"]))
        moved = update(User).where(col(User.id).in_(whose)).values(issuer="https://old.example/")
        await session.execute(moved.execution_options(synchronize_session=False))
    assert await ask(http, key["key"]) == (401, "invalid_token")


async def test_a_key_costs_a_request_one_statement_and_its_use_is_noted_once_a_minute(
    http: httpx.AsyncClient, database: Database
) -> None:
    key = await made(http)

    async def cost() -> int:
        with statements() as seen:
            reply = await http.get("/api/v1/graphs", headers=bearer(key["key"]))
        assert reply.status_code == 200
        return len(seen)

    assert key["last_used_at"] is None
    await http.get("/api/v1/graphs")  # now it is known what pods can run
    assert await cost() == 2
    noted = (await row_of(database, key)).last_used_at
    assert noted is not None
    assert await cost() == 1
    await change(database, key, last_used_at=datetime.now(UTC) - timedelta(seconds=61))
    assert await cost() == 2
    again = (await row_of(database, key)).last_used_at
    assert again is not None
    assert again >= noted


async def test_a_refused_key_is_not_noted_as_used(
    http: httpx.AsyncClient, database: Database
) -> None:
    key = await made(http)
    await http.delete(key["links"]["revoke"])
    assert await ask(http, key["key"]) == (401, "invalid_token")
    assert (await row_of(database, key)).last_used_at is None


async def test_many_requests_with_one_key_do_not_wait_for_each_other(
    http: httpx.AsyncClient, database: Database
) -> None:
    """Somebody holds the row: the use is not noted, and nobody waits."""
    key = await made(http)
    async with database.transaction() as session:
        held = select(ApiKey).where(col(ApiKey.id) == UUID(key["id"])).with_for_update()
        await session.execute(held)
        async with asyncio.timeout(60):
            assert (
                await asyncio.gather(*[ask(http, key["key"]) for _ in range(8)])
                == [(200, None)] * 8
            )
    assert (await row_of(database, key)).last_used_at is None


async def test_without_the_database_nobody_can_tell(
    http: httpx.AsyncClient, serve: Serve, world: Any
) -> None:
    key = (await made(http))["key"]
    world.database = Database("postgresql://u:p@127.0.0.1:1/none")
    async with serve() as client:
        reply = await client.get("/api/v1/graphs", headers=bearer(key))
    assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")


async def test_a_key_makes_no_keys(http: httpx.AsyncClient) -> None:
    key = await made(http)
    reply = await http.post(KEYS, json={"name": "another"}, headers=bearer(key["key"]))
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")
    assert [*await listed(http)] == [key["id"]]


async def test_a_key_sees_and_revokes_keys_of_its_user_as_the_user_would(
    http: httpx.AsyncClient,
) -> None:
    key, other = await made(http), await made(http)
    assert {*await listed(http, **bearer(key["key"]))} == {key["id"], other["id"]}
    reply = await http.delete(key["links"]["revoke"], headers=bearer(key["key"]))
    assert reply.status_code == 204
    assert await ask(http, key["key"]) == (401, "invalid_token")


@pytest.mark.parametrize("scopes", [[OPERATE], ["jobs", OPERATE], ["a", "jobs"]], ids=str)
async def test_a_key_has_no_scope_that_its_maker_has_not(
    scopes: list[str], http: httpx.AsyncClient, alice: str
) -> None:
    wish = {"name": "k", "scopes": scopes}
    reply = await http.post(KEYS, json=wish, headers=bearer(f"{alice}!jobs read"))
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")
    assert await listed(http) == {}


async def test_an_operators_key_operates_only_if_it_was_made_to(
    http: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    plain = await made(http, headers=operator)
    operating = await made(http, headers=operator, scopes=[OPERATE, OPERATE])
    assert (plain["scopes"], operating["scopes"]) == ([], [OPERATE])
    refused = await http.get(OPERATORS, headers=bearer(plain["key"]))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await http.get(OPERATORS, headers=bearer(operating["key"]))).status_code == 200
    again = await http.post(KEYS, json={"name": "x"}, headers=bearer(operating["key"]))
    assert again.status_code == 403


async def test_operators_find_a_users_keys_and_revoke_them(
    http: httpx.AsyncClient, operator: dict[str, str], alice: str
) -> None:
    key = await made(http)
    theirs = await made(http, headers=bearer(f"bob-{uuid4()}"))
    found = await listed(http, f"{OPERATORS}?user={alice}", **operator)
    assert [*found] == [key["id"]]
    assert found[key["id"]]["user"] == alice
    everybodys = await listed(http, f"{OPERATORS}?limit=1000", **operator)
    assert {key["id"], theirs["id"]} <= {*everybodys}
    assert len(await listed(http, f"{OPERATORS}?limit=1", **operator)) == 1
    for _ in range(2):
        reply = await http.delete(found[key["id"]]["links"]["revoke"], headers=operator)
        assert reply.status_code == 204
    assert await ask(http, key["key"]) == (401, "invalid_token")
    assert await ask(http, theirs["key"]) == (200, None)


async def test_a_key_that_nobody_has_is_not_found_by_operators_either(
    http: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    reply = await http.delete(paths.operator_api_key(uuid4()), headers=operator)
    assert (reply.status_code, reply.json()["code"]) == (404, "api_key_not_found")


async def test_somebody_elses_key_does_not_exist_on_any_route(
    http: httpx.AsyncClient, database: Database
) -> None:
    """And operators' routes do not exist for others, whoever's key it is."""
    key = await made(http)
    other = bearer(f"bob-{uuid4()}")
    transport: Any = http._transport
    tried = set()
    for template, operations in transport.app.openapi()["paths"].items():
        if "{key_id}" not in template:
            continue
        for method in operations:
            path = template.format(key_id=key["id"])
            theirs = await http.request(method, path, headers=other)
            nobodys = await http.request(method, template.format(key_id=uuid4()))
            for_operators = template.startswith(f"{paths.OPERATOR}/")
            expected = (403, "forbidden") if for_operators else (404, "api_key_not_found")
            for reply in (theirs, nobodys):
                assert (reply.status_code, reply.json()["code"]) == expected, (method, path)
            assert theirs.json()["detail"] == nobodys.json()["detail"]
            tried.add((method, for_operators))
    assert {("delete", False), ("delete", True)} <= tried
    assert await listed(http, **other) == {}
    assert (await row_of(database, key)).revoked_at is None


async def test_a_repeated_request_whose_reply_was_lost_makes_no_second_key(
    http: httpx.AsyncClient,
) -> None:
    name = {"Idempotency-Key": str(uuid4())}
    lost, again = await made(http, headers=name), await made(http, headers=name)
    assert again["id"] == lost["id"]
    assert again["key"] != lost["key"]
    assert [*await listed(http)] == [again["id"]]
    assert await ask(http, lost["key"]) == (401, "invalid_token")
    assert await ask(http, again["key"]) == (200, None)


@pytest.mark.parametrize("fate", ["used", "revoked"])
async def test_a_repeated_request_does_not_touch_a_key_that_was_used_or_revoked(
    fate: str, http: httpx.AsyncClient
) -> None:
    name = {"Idempotency-Key": str(uuid4())}
    key = await made(http, headers=name)
    if fate == "used":
        await ask(http, key["key"])
    else:
        await http.delete(key["links"]["revoke"])
    reply = await http.post(KEYS, json={"name": "album server"}, headers=name)
    assert (reply.status_code, reply.json()["code"]) == (409, "api_key_already_used")
    assert "rk_" not in reply.text
    assert (await ask(http, key["key"]))[0] == (200 if fate == "used" else 401)


async def test_an_idempotency_key_of_another_request_makes_nothing(http: httpx.AsyncClient) -> None:
    name = {"Idempotency-Key": str(uuid4())}
    await made(http, headers=name)
    reply = await http.post(KEYS, json={"name": "other"}, headers=name)
    assert (reply.status_code, reply.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await listed(http)) == 1


async def test_there_is_an_end_to_the_keys_of_one_user(
    http: httpx.AsyncClient, database: Database
) -> None:
    """Those that are revoked or have expired do not count; two at once do not slip through."""
    keys = [await made(http, name=f"k{n}") for n in range(MOST_KEYS - 1)]
    wish = {"name": "one more"}
    replies = await asyncio.gather(*[http.post(KEYS, json=wish) for _ in range(4)])
    codes = sorted(reply.json().get("code", "") for reply in replies)
    assert codes == ["", *["too_many_api_keys"] * 3]
    await http.delete(keys[0]["links"]["revoke"])
    assert (await http.post(KEYS, json=wish)).status_code == 201
    assert (await http.post(KEYS, json=wish)).status_code == 409
    await change(database, keys[1], expires_at=long_ago())
    assert (await http.post(KEYS, json=wish)).status_code == 201


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "two\nlines"},
        {"name": "nul\x00"},
        {"name": "k", "scopes": "jobs"},
        {"name": "k", "scopes": [""]},
        {"name": "k", "scopes": ["two words"]},
        {"name": "k", "scopes": ["x"] * 21},
        {"name": "k", "expires_in_days": 0},
        {"name": "k", "expires_in_days": 3651},
        {"name": "k", "expires_in_days": 1.5},
        {"name": "k", "user_id": str(uuid4())},
        {"name": "k", "revoked_at": None},
    ],
    ids=lambda wish: re.sub(r"[0-9a-f-]{36}", "uuid", repr(wish))[:60],
)
async def test_a_wish_that_makes_no_sense_makes_no_key(
    wish: dict[str, Any], http: httpx.AsyncClient
) -> None:
    reply = await http.post(KEYS, json=wish)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert await listed(http) == {}


@pytest.mark.parametrize("user", ["%00", "a%0Ab", "x" * 256], ids=["nul", "line", "long"])
async def test_a_subject_that_cannot_be_is_refused(
    user: str, http: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    reply = await http.get(f"{OPERATORS}?user={user}", headers=operator)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")

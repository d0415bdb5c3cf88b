"""`rekindle sessions`: who is signed in with a browser, and ending that."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from rekindle.rules.browser_sessions import new_value, sha256_of
from rekindle.store import browser_sessions, users
from rekindle.store.database import Database
from rekindle.store.schema import migrate

Run = Callable[..., Awaitable[Result]]
ISSUER = "https://issuer.example/"


@pytest.fixture
def run(fresh_database_url: str) -> Run:
    """Runs `rekindle sessions` as an operator of this deployment."""
    migrate(fresh_database_url)
    variables = {"DATABASE_URL": fresh_database_url, "SESSION_IDLE_MINUTES": "60"}

    async def invoke(*arguments: str) -> Result:
        runner = CliRunner(env=variables)
        return await asyncio.to_thread(runner.invoke, app, ["sessions", *arguments])

    return invoke


@pytest.fixture
async def database(run: Run, fresh_database_url: str) -> Any:
    found = Database(fresh_database_url, patience_seconds=60)
    yield found
    await found.close()


async def signed_in(database: Database, subject: str, *, hours: float = 8) -> str:
    """A new session of somebody; the value of its cookie."""
    value = new_value()
    async with database.transaction() as session:
        user_id = await users.remember(session, issuer=ISSUER, subject=subject)
        await browser_sessions.begin(
            session, sha256_of(value), user_id, scopes=["openid"], lasts=timedelta(hours=hours)
        )
    return value


async def is_signed_in(database: Database, value: str) -> bool:
    async with database.transaction() as session:
        return await browser_sessions.find(session, sha256_of(value)) is not None


async def listed(run: Run, *arguments: str) -> list[dict[str, Any]]:
    result = await run("list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["sessions"]
    return found


async def test_a_session_is_found_by_its_user_and_ended(run: Run, database: Database) -> None:
    assert "Nobody is signed in" in (await run("list")).output
    await signed_in(database, "auth0|bob")
    value = await signed_in(database, "auth0|ada")
    assert [each["user"] for each in await listed(run)] == ["auth0|ada", "auth0|bob"]
    [hers] = await listed(run, "--user", "auth0|ada")
    result = await run("end", hers["session"])
    assert (result.exit_code, result.output.strip()) == (0, "1 session ended")
    assert not await is_signed_in(database, value)
    assert [each["user"] for each in await listed(run)] == ["auth0|bob"]
    again = await run("end", hers["session"], "--json")
    assert (again.exit_code, json.loads(again.stdout)["code"]) == (1, "session_not_found")


async def test_all_sessions_of_a_user_are_ended_at_once(run: Run, database: Database) -> None:
    kept = await signed_in(database, "auth0|bob")
    for _ in range(2):
        await signed_in(database, "auth0|ada")
    result = await run("end", "--user", "auth0|ada", "--json")
    assert json.loads(result.stdout) == {"ended": 2}
    assert (await run("end", "--user", "auth0|ada")).output.strip() == "no sessions ended"
    assert await is_signed_in(database, kept)
    for wrong in ([], ["x", "--user", "auth0|ada"]):
        assert (await run("end", *wrong)).exit_code == 2


async def test_nothing_that_is_listed_opens_a_session_or_is_an_address(
    run: Run, database: Database
) -> None:
    value = await signed_in(database, "ada@example.com")
    for shown in (await run("list"), await run("list", "--json")):
        assert sha256_of(value).hex()[:16] in shown.output
        for secret in (value, sha256_of(value).hex(), "ada@example.com"):
            assert secret not in shown.output


async def test_a_session_that_has_ended_by_itself_is_not_listed(
    run: Run, database: Database
) -> None:
    await signed_in(database, "auth0|over", hours=-1)
    await signed_in(database, "auth0|idle")
    async with database.transaction() as session:
        await session.execute(
            text("update browser_sessions set last_used_at = now() - interval '61 minutes'")
        )
    await signed_in(database, "auth0|ada")
    assert [each["user"] for each in await listed(run)] == ["auth0|ada"]

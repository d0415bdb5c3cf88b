"""Browser sessions that are over do not stay."""

from datetime import timedelta
from typing import Any

from activities.retention import RetentionActivities
from rekindle.rules.browser_sessions import new_value, sha256_of
from rekindle.store import browser_sessions, users
from rekindle.store.database import Database


async def test_sessions_that_are_over_are_deleted_and_others_are_not(database: Database) -> None:
    over, on = sha256_of(new_value()), sha256_of(new_value())
    async with database.transaction() as session:
        user_id = await users.remember(session, issuer="i", subject="s")
        for sha256, lasts in ((over, timedelta(seconds=-1)), (on, timedelta(hours=1))):
            await browser_sessions.begin(session, sha256, user_id, scopes=[], lasts=lasts)
    nobody: Any = None
    keeping = RetentionActivities(
        database=database, objects=nobody, deletions=nobody, orders=nobody, retention=None
    )
    assert (await keeping.prune_records()).sessions >= 1
    async with database.transaction() as session:
        found = [await browser_sessions.find(session, each) for each in (over, on)]
        await browser_sessions.end(session, on)
    assert [each is None for each in found] == [True, False]

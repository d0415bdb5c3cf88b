"""Idempotency keys in the database: whose turn it is, and for how long."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col

from rekindle.models import IdempotencyKey
from rekindle.store import idempotency
from rekindle.store.database import Database
from rekindle.store.idempotency import KeyState, StoredReply

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=10)
DAY = timedelta(hours=24)
MOMENT = timedelta(microseconds=1)
REPLY = StoredReply(201, {"content-type": "application/json", "location": "/x"}, b'{"id": "\x00"}')


class Key:
    """One key, at moments that the test names."""

    def __init__(self, database: Database) -> None:
        self.scope = uuid4().hex
        self._database = database

    async def claim(
        self, holder: UUID, *, at: datetime = NOON, fingerprint: str = "a"
    ) -> KeyState | None:
        async with self._database.transaction() as session:
            return await idempotency.claim(
                session, self.scope, fingerprint, holder, lease=LEASE, at=at
            )

    async def renew(self, holder: UUID, *, at: datetime) -> bool:
        async with self._database.transaction() as session:
            return await idempotency.renew(session, self.scope, holder, lease=LEASE, at=at)

    async def release(self, holder: UUID) -> bool:
        async with self._database.transaction() as session:
            return await idempotency.release(session, self.scope, holder)

    async def answer(self, holder: UUID, reply: StoredReply = REPLY) -> bool:
        async with self._database.transaction() as session:
            return await idempotency.answer(session, self.scope, holder, reply)


@pytest.fixture
def key(database: Database) -> Key:
    return Key(database)


async def held_by(claim: Any) -> UUID:
    state = await claim
    assert state is not None
    holder: UUID = state.holder
    return holder


FIRST, SECOND, THIRD = uuid4(), uuid4(), uuid4()


async def test_a_key_is_taken_by_the_first_and_by_nobody_else(key: Key) -> None:
    state = await key.claim(FIRST)
    assert state == KeyState("a", NOON, 1, FIRST, None)
    assert await key.claim(SECOND) == state
    assert await key.claim(SECOND, fingerprint="b") == state


async def test_of_twenty_at_once_one_takes_it(key: Key) -> None:
    holders = [uuid4() for _ in range(20)]
    states = await asyncio.gather(*(key.claim(holder) for holder in holders))
    taken = [
        holder
        for holder, state in zip(holders, states, strict=True)
        if state is not None and state.holder == holder
    ]
    assert len(taken) == 1
    assert {state.holder for state in states if state is not None} == set(taken)


async def test_a_key_that_is_held_is_read_without_waiting_for_its_row(
    key: Key, database: Database
) -> None:
    await key.claim(FIRST)
    row = select(IdempotencyKey).where(col(IdempotencyKey.scope) == key.scope)
    async with database.transaction() as session, asyncio.timeout(60):
        await session.execute(row.with_for_update())
        assert await held_by(key.claim(SECOND)) == FIRST


async def test_an_answer_is_found_as_it_was_given(key: Key) -> None:
    await key.claim(FIRST)
    assert await key.answer(FIRST)
    for fingerprint in ("a", "b"):
        state = await key.claim(SECOND, fingerprint=fingerprint)
        assert state == KeyState("a", NOON, 1, FIRST, REPLY)


async def test_a_dead_try_is_followed_once_its_lease_is_over_and_not_before(key: Key) -> None:
    await key.claim(FIRST)
    assert await held_by(key.claim(SECOND, at=NOON + LEASE - MOMENT)) == FIRST
    state = await key.claim(SECOND, at=NOON + LEASE)
    assert state == KeyState("a", NOON, 2, SECOND, None)
    assert await held_by(key.claim(THIRD, at=NOON + LEASE)) == SECOND


async def test_a_renewed_lease_counts_from_then(key: Key) -> None:
    await key.claim(FIRST)
    assert await key.renew(FIRST, at=NOON + LEASE / 2)
    assert await held_by(key.claim(SECOND, at=NOON + LEASE)) == FIRST
    assert await held_by(key.claim(SECOND, at=NOON + LEASE * 1.5)) == SECOND


async def test_a_try_that_was_followed_can_neither_renew_nor_release_nor_answer(key: Key) -> None:
    await key.claim(FIRST)
    later = NOON + LEASE
    await key.claim(SECOND, at=later)
    assert not await key.renew(FIRST, at=later)
    assert not await key.release(FIRST)
    assert not await key.answer(FIRST)
    state = await key.claim(THIRD, at=later)
    assert state == KeyState("a", NOON, 2, SECOND, None)


async def test_an_answered_key_cannot_be_renewed_released_or_answered_again(key: Key) -> None:
    await key.claim(FIRST)
    await key.answer(FIRST)
    assert not await key.renew(FIRST, at=NOON)
    assert not await key.release(FIRST)
    assert not await key.answer(FIRST, StoredReply(500, {}, b""))
    state = await key.claim(SECOND)
    assert state is not None
    assert state.reply == REPLY


async def test_a_released_key_is_open_at_once_for_the_same_and_closed_for_another(
    key: Key,
) -> None:
    await key.claim(FIRST)
    assert await key.release(FIRST)
    assert await held_by(key.claim(SECOND, fingerprint="b")) == FIRST
    state = await key.claim(SECOND)
    assert state == KeyState("a", NOON, 2, SECOND, None)


async def test_a_dead_try_is_not_followed_by_another_request(key: Key) -> None:
    await key.claim(FIRST)
    state = await key.claim(SECOND, at=NOON + LEASE, fingerprint="b")
    assert state == KeyState("a", NOON, 1, FIRST, None)


@pytest.mark.parametrize("fingerprint", ["a", "b"])
async def test_after_24_hours_a_key_is_as_good_as_new(fingerprint: str, key: Key) -> None:
    await key.claim(FIRST)
    await key.answer(FIRST)
    before = await key.claim(SECOND, at=NOON + DAY - MOMENT, fingerprint=fingerprint)
    assert before is not None
    assert before.reply == REPLY
    state = await key.claim(SECOND, at=NOON + DAY, fingerprint=fingerprint)
    assert state == KeyState(fingerprint, NOON + DAY, 1, SECOND, None)


async def test_whoever_is_still_at_it_after_24_hours_keeps_the_key(key: Key) -> None:
    await key.claim(FIRST)
    await key.renew(FIRST, at=NOON + DAY)
    assert await held_by(key.claim(SECOND, at=NOON + DAY + MOMENT)) == FIRST


async def test_the_sweep_takes_what_is_old_and_nothing_else(database: Database) -> None:
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    old, older, young = Key(database), Key(database), Key(database)
    await old.claim(FIRST, at=long_ago + timedelta(seconds=1))
    await old.answer(FIRST)
    await older.claim(FIRST, at=long_ago)
    await young.claim(FIRST, at=long_ago + timedelta(hours=1))
    await young.answer(FIRST)

    async def swept(most: int) -> int:
        async with database.transaction() as session:
            return await idempotency.sweep(
                session, most=most, at=long_ago + DAY + timedelta(seconds=1)
            )

    assert [await swept(1), await swept(5), await swept(5)] == [1, 1, 0]
    assert await held_by(young.claim(SECOND, at=long_ago + timedelta(hours=2))) == FIRST
    state = await old.claim(SECOND, at=long_ago + timedelta(hours=2))
    assert state is not None
    assert (state.holder, state.tries) == (SECOND, 1)


async def test_without_a_named_moment_the_databases_clock_counts(database: Database) -> None:
    scope = uuid4().hex
    before = datetime.now(UTC)
    async with database.transaction() as session:
        state = await idempotency.claim(session, scope, "a", FIRST, lease=timedelta(0))
    assert state is not None
    second = timedelta(seconds=1)
    assert before - second < state.first_used_at < datetime.now(UTC) + second
    async with database.transaction() as session:
        again = await idempotency.claim(session, scope, "a", SECOND, lease=timedelta(0))
    assert again is not None
    assert (again.holder, again.tries) == (SECOND, 2)

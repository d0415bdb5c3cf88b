"""The inbox: events that come at once are written at once, and none is lost or told twice."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import col, select

from api.inbox import EventInbox
from rekindle.errors import DatabaseUnavailable
from rekindle.models import PaymentEventRecord
from rekindle.ports.payments import PaymentEvent
from rekindle.store.database import Database
from tests.services.statements import statements


def letter(**changed: str) -> PaymentEvent:
    words = {"event_id": f"evt_{uuid4().hex}", "kind": "charge.succeeded", **changed}
    return PaymentEvent(**words, created_at=datetime.now(UTC), order_id=uuid4(), payment_id=None)


async def stored(database: Database, letters: list[PaymentEvent]) -> set[str]:
    async with database.transaction() as session:
        column = col(PaymentEventRecord.event_id)
        statement = select(column).where(column.in_([each.event_id for each in letters]))
        return set((await session.execute(statement)).scalars())


async def test_a_burst_is_two_statements_and_each_event_is_told_once(database: Database) -> None:
    heard: list[PaymentEvent] = []
    inbox = EventInbox(database, heard.append)
    letters = [letter() for _ in range(60)]
    with statements(database) as sent:
        await asyncio.gather(*(inbox.take(each) for each in (*letters, *letters)))
    assert len(sent) <= 3  # at most a hundred events go together
    assert sorted(each.event_id for each in heard) == sorted(each.event_id for each in letters)
    assert await stored(database, letters) == {each.event_id for each in letters}
    await inbox.take(letters[0])
    assert len(heard) == len(letters)


async def test_two_processes_that_get_the_same_events_do_not_wait_for_each_other(
    database: Database,
) -> None:
    heard: list[PaymentEvent] = []
    inboxes = [EventInbox(database, heard.append) for _ in range(4)]
    letters = [letter() for _ in range(50)]
    async with asyncio.timeout(60):
        for _ in range(3):
            order = (letters, letters[::-1], letters, letters[::-1])
            pairs = zip(inboxes, order, strict=True)
            await asyncio.gather(*(inbox.take(e) for inbox, some in pairs for e in some))
    assert sorted(each.event_id for each in heard) == sorted(each.event_id for each in letters)


async def test_an_event_is_told_after_it_was_stored(database: Database) -> None:
    found: list[bool] = []
    event = letter()
    looks: list[asyncio.Task[None]] = []

    async def look(told: PaymentEvent) -> None:
        found.append(await stored(database, [told]) == {told.event_id})

    await EventInbox(database, lambda told: looks.append(asyncio.create_task(look(told)))).take(
        event
    )
    await asyncio.gather(*looks)
    assert found == [True]


async def test_one_that_cannot_be_written_takes_no_other_with_it(database: Database) -> None:
    heard: list[PaymentEvent] = []
    inbox = EventInbox(database, heard.append)
    good, bad = [letter() for _ in range(5)], letter(kind="a\x00b")
    results = await asyncio.gather(
        *(inbox.take(each) for each in (*good, bad)), return_exceptions=True
    )
    assert results[:-1] == [None] * 5
    assert isinstance(results[-1], StatementError)
    assert await stored(database, [*good, bad]) == {each.event_id for each in good}
    assert len(heard) == 5


async def test_without_the_database_everybody_is_told_and_it_goes_on_afterwards(
    database: Database,
) -> None:
    away = Database("postgresql://u:p@127.0.0.1:1/none")
    heard: list[PaymentEvent] = []
    inbox = EventInbox(away, heard.append)
    results = await asyncio.gather(
        *(inbox.take(letter()) for _ in range(10)), return_exceptions=True
    )
    assert [type(each) for each in results] == [DatabaseUnavailable] * 10
    with pytest.raises(DatabaseUnavailable):
        await inbox.take(letter())
    assert heard == []
    await away.close()


async def test_a_sender_that_left_leaves_its_event_and_nobody_elses(database: Database) -> None:
    heard: list[PaymentEvent] = []
    inbox = EventInbox(database, heard.append)
    left, other = letter(), letter()
    leaving = asyncio.create_task(inbox.take(left))
    staying = asyncio.create_task(inbox.take(other))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert {each.event_id for each in heard} == {left.event_id, other.event_id}

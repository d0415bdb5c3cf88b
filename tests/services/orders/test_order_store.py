import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from rekindle.contracts.orders import HdState
from rekindle.models import Job, Order, User
from rekindle.store import album_orders, orders
from rekindle.store.database import Database
from tests.services.rows import stored_job


async def opened(database: Database, order: Order) -> Order:
    async with database.transaction() as session:
        return await orders.open_or_reuse(session, order)


async def read(database: Database, order_id: UUID) -> Order:
    async with database.transaction() as session:
        found = await orders.by_id(session, order_id)
    assert found is not None
    return found


def twin(order: Order, **changes: object) -> Order:
    """Another order of the same product of the same attempt."""
    return Order(**{**order.model_dump(), "id": uuid4(), **changes})


async def test_opening_an_order_again_changes_nothing(database: Database, new_order: Order) -> None:
    first = await opened(database, new_order)
    async with database.transaction() as session:
        assert await orders.note_session(session, first.id, "cs_1")
    again = await opened(database, new_order)
    assert (again.id, again.session_ids, again.version) == (first.id, ["cs_1"], 1)


async def test_the_same_product_opened_by_many_at_once_is_one_order(
    database: Database, new_order: Order
) -> None:
    found = await asyncio.gather(*(opened(database, twin(new_order)) for _ in range(8)))
    assert len({each.id for each in found}) == 1


async def test_an_opening_that_waits_for_another_takes_its_order(
    database: Database, new_order: Order
) -> None:
    async with database.transaction() as session:
        first = await orders.open_or_reuse(session, new_order)
        second = asyncio.create_task(opened(database, twin(new_order)))
        done, _ = await asyncio.wait({second}, timeout=0.2)
        assert not done
    assert (await second).id == first.id


async def test_an_opening_whose_forerunner_gives_up_makes_its_own(
    database: Database, new_order: Order
) -> None:
    async with database.transaction() as session:
        await orders.open_or_reuse(session, new_order)
        second = asyncio.create_task(opened(database, twin(new_order)))
        await asyncio.wait({second}, timeout=0.2)
        await session.rollback()
    assert (await second).id != new_order.id


async def test_another_product_of_the_same_attempt_is_another_order(
    database: Database, new_order: Order
) -> None:
    other = twin(new_order, product="hd_animation")
    assert (await opened(database, new_order)).id != (await opened(database, other)).id


async def test_a_closed_order_makes_room_for_a_new_one(
    database: Database, new_order: Order
) -> None:
    first = await opened(database, new_order)
    async with database.transaction() as session:
        assert await orders.close(session, first.id)
        assert not await orders.close(session, first.id)
    other = twin(new_order)
    assert (await opened(database, other)).id == other.id
    assert (await opened(database, new_order)).id == first.id


async def test_two_unclosed_orders_of_one_product_are_impossible(
    database: Database, new_order: Order
) -> None:
    await opened(database, new_order)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            session.add(twin(new_order))


async def test_an_order_without_a_price_is_impossible(database: Database, new_order: Order) -> None:
    new_order.amount = 0
    with pytest.raises(IntegrityError):
        await opened(database, new_order)


async def test_a_session_is_begun_only_at_the_version_that_was_read(
    database: Database, new_order: Order
) -> None:
    order, until = await opened(database, new_order), new_order.expires_at + timedelta(hours=1)
    async with database.transaction() as session:
        begin = orders.begin_session
        assert await begin(session, order.id, version=0, expires_at=until) == 1
        assert await begin(session, order.id, version=0, expires_at=until) is None
        assert await begin(session, order.id, version=1, expires_at=until) == 2
        await orders.close(session, order.id)
        assert await begin(session, order.id, version=3, expires_at=until) is None
    assert (await read(database, order.id)).expires_at == until


async def test_a_session_is_kept_once(database: Database, new_order: Order) -> None:
    order = await opened(database, new_order)
    for session_id, is_new in (("cs_1", True), ("cs_2", True), ("cs_1", False)):
        async with database.transaction() as session:
            assert await orders.note_session(session, order.id, session_id) is is_new
    assert (await read(database, order.id)).session_ids == ["cs_1", "cs_2"]


async def test_what_became_of_hd_is_final(database: Database, new_order: Order) -> None:
    order = await opened(database, new_order)
    steps = (
        (HdState.RENDERING, True),
        (HdState.RENDERING, False),
        (HdState.READY, True),
        (HdState.FAILED, False),
        (HdState.RENDERING, False),
    )
    for hd, changes in steps:
        async with database.transaction() as session:
            assert await orders.note_hd(session, order.id, hd) is changes
    assert (await read(database, order.id)).hd == HdState.READY


async def test_a_locked_order_is_changed_by_nobody_else(
    database: Database, new_order: Order
) -> None:
    order = await opened(database, new_order)

    async def note() -> None:
        async with database.transaction() as session:
            await orders.note_session(session, order.id, "cs_late")

    async with database.transaction() as session:
        await orders.lock(session, order.id)
        other = asyncio.create_task(note())
        done, _ = await asyncio.wait({other}, timeout=0.2)
        assert not done
    await other
    assert (await read(database, order.id)).session_ids == ["cs_late"]


async def new_job(database: Database) -> Job:
    async with database.transaction() as session:
        return await stored_job(session)


async def test_who_has_the_turn_of_the_job_may_close_an_order_whose_page_is_being_noted(
    database: Database, new_order: Order
) -> None:
    """The turn comes before the row, so neither waits for the other."""
    job = await new_job(database)
    order = await opened(database, twin(new_order, job_id=job.id))

    async def note() -> None:
        async with database.transaction() as session:
            await orders.note_page(session, order.id, "cs_late", is_open=True)

    async with database.transaction() as session:
        await album_orders.take_turn(session, job.id)
        other = asyncio.create_task(note())
        await until_somebody_waits(database)
        assert await orders.close(session, order.id)
    await other
    found = await read(database, order.id)
    assert (found.session_ids, found.closed_at is None) == (["cs_late"], False)


async def until_somebody_waits(database: Database) -> None:
    """Return when somebody waits for a turn."""
    waiting = text(
        "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    async with asyncio.timeout(120):
        while True:
            async with database.transaction() as session:
                if (await session.execute(waiting)).scalar_one():
                    return
            await asyncio.sleep(0.01)


async def test_an_order_outlives_its_job_and_user_and_forgets_them(
    database: Database, new_order: Order
) -> None:
    job = await new_job(database)
    order = await opened(database, twin(new_order, job_id=job.id))
    async with database.transaction() as session:
        assert [each.id for each in await orders.of_job(session, job.id)] == [order.id]
        await session.execute(delete(User).where(col(User.id) == job.user_id))
    kept = await read(database, order.id)
    assert kept.job_id is None
    told = kept.model_dump_json()
    assert not any(word in told for word in ("someone", str(job.user_id), str(job.id)))

import asyncio
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, func, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from rekindle.contracts.pods import Pod
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, GpuClass, Stage
from rekindle.errors import DatabaseUnavailable
from rekindle.models import Attempt, Job, PodRecord
from rekindle.models.pods import PodState
from rekindle.store import attempts, jobs, pods
from rekindle.store.database import Database, driver_url
from rekindle.store.pages import Cursor
from rekindle.store.schema import migrate
from tests.services.rows import stored_job

ISSUER = "https://issuer.example/"


async def job_of(database: Database, subject: str) -> Job:
    async with database.transaction() as session:
        return await stored_job(session, issuer=ISSUER, subject=subject)


async def stored_attempt(database: Database, job_id: UUID) -> Attempt:
    attempt = Attempt(
        id=uuid4(),
        job_id=job_id,
        graph="restore_classic",
        graph_version="1",
        gpu_class=GpuClass.IMAGE,
        priority=3,
        parameters={"seed": 7},
        stamp="s",
    )
    async with database.transaction() as session:
        await attempts.record(session, attempt)
    return attempt


async def read(database: Database, attempt: Attempt) -> Attempt:
    async with database.transaction() as session:
        found = await attempts.of_job(session, attempt.job_id, attempt.id)
    assert found is not None
    return found


async def advance(database: Database, attempt: Attempt, try_number: int, at: float) -> None:
    async with database.transaction() as session:
        await attempts.advance(
            session,
            attempt.id,
            try_number=try_number,
            stage=Stage.RENDERING,
            progress=at,
            pod_id="p",
        )


async def succeed(database: Database, attempt: Attempt) -> bool:
    output = GraphOutput(key="m", sha256="0" * 64, size_bytes=1, engine_seconds=1.5, pod_id="p")
    async with database.transaction() as session:
        return await attempts.succeed(
            session,
            attempt.id,
            output,
            attempts.Result(
                key=output.key,
                sha256=output.sha256,
                width=8,
                height=6,
                preview_key="p",
                thumbnail_key="t",
            ),
        )


async def test_recording_a_job_or_an_attempt_twice_changes_nothing(database: Database) -> None:
    job = await job_of(database, "twice")
    attempt = await stored_attempt(database, job.id)
    await advance(database, attempt, 1, 0.5)
    async with database.transaction() as session:
        await jobs.record(session, job)
        await attempts.record(session, attempt)
    assert (await read(database, attempt)).progress == 0.5


async def test_a_job_is_found_by_its_owner_only(database: Database) -> None:
    job = await job_of(database, "owner")
    async with database.transaction() as session:
        mine = await jobs.of_subject(session, job.id, issuer=ISSUER, subject="owner")
        theirs = await jobs.of_subject(session, job.id, issuer=ISSUER, subject="other")
        elsewhere = await jobs.of_subject(session, job.id, issuer="x", subject="owner")
    assert mine is not None
    assert theirs is None
    assert elsewhere is None


async def test_pages_are_newest_first_and_do_not_overlap(database: Database) -> None:
    made = [(await job_of(database, "pages")).id for _ in range(5)]
    seen: list[UUID] = []
    cursor = None
    while True:
        async with database.transaction() as session:
            page = await jobs.page(session, issuer=ISSUER, subject="pages", limit=2, after=cursor)
        if not page:
            break
        seen += [job.id for job in page]
        cursor = Cursor(page[-1].created_at, page[-1].id)
    assert seen == made[::-1]


async def test_progress_never_goes_back(database: Database) -> None:
    attempt = await stored_attempt(database, (await job_of(database, "p")).id)
    await advance(database, attempt, 1, 0.8)
    await advance(database, attempt, 1, 0.3)
    assert (await read(database, attempt)).progress == 0.8


async def test_a_write_of_an_older_try_changes_nothing(database: Database) -> None:
    attempt = await stored_attempt(database, (await job_of(database, "o")).id)
    await advance(database, attempt, 2, 0.2)
    before = await read(database, attempt)
    await advance(database, attempt, 1, 0.9)
    assert (await read(database, attempt)).version == before.version


async def test_a_final_status_is_never_left(database: Database) -> None:
    attempt = await stored_attempt(database, (await job_of(database, "f")).id)
    assert await succeed(database, attempt)
    assert not await succeed(database, attempt)
    await advance(database, attempt, 9, 0.1)
    async with database.transaction() as session:
        assert not await attempts.close(session, attempt.id, AttemptStatus.FAILED)
    found = await read(database, attempt)
    assert (found.status, found.progress, found.engine_seconds) == ("succeeded", 1.0, 1.5)


async def test_a_failed_attempt_keeps_code_and_message(database: Database) -> None:
    attempt = await stored_attempt(database, (await job_of(database, "e")).id)
    async with database.transaction() as session:
        await attempts.close(
            session,
            attempt.id,
            AttemptStatus.FAILED,
            error_code="graph_failed",
            error_message="Rendering failed.",
        )
    found = await read(database, attempt)
    assert (found.error_code, found.error_message) == ("graph_failed", "Rendering failed.")
    assert found.finished_at is not None


async def test_deleting_a_user_takes_jobs_and_attempts_along(database: Database) -> None:
    job = await job_of(database, "gone")
    attempt = await stored_attempt(database, job.id)
    async with database.transaction() as session:
        await jobs.choose(session, job.id, attempt.id)
    async with database.transaction() as session:
        from sqlalchemy import delete
        from sqlmodel import col

        from rekindle.models import User

        await session.execute(delete(User).where(col(User.id) == job.user_id))
    async with database.transaction() as session:
        assert await attempts.of_job(session, job.id, attempt.id) is None


async def test_a_job_knows_all_of_its_photo_or_has_none(database: Database) -> None:
    job = await job_of(database, "whole")
    facts = job.model_dump(exclude={"id", "created_at", "updated_at"})
    with pytest.raises(IntegrityError, match="ck_jobs_photo"):
        async with database.transaction() as session:
            await jobs.record(session, Job(**{**facts, "id": uuid4(), "working_key": None}))
    wordy = Job(id=uuid4(), user_id=job.user_id, email="")
    async with database.transaction() as session:
        await jobs.record(session, wordy)
        found = await jobs.by_id(session, wordy.id)
    assert found is not None
    assert (found.original_key, found.working_key, found.width) == (None, None, None)


async def test_going_back_to_when_every_job_had_a_photo_leaves_those_that_have_one(
    fresh_database_url: str,
) -> None:
    await asyncio.to_thread(migrate, fresh_database_url)
    database = Database(fresh_database_url)
    job = await job_of(database, "whole")
    attempt = await stored_attempt(database, job.id)
    async with database.transaction() as session:
        values = {**attempt.model_dump(), "id": uuid4(), "kind": AttemptKind.GENERATION}
        await attempts.record(session, Attempt(**values))
        await jobs.record(session, Job(id=uuid4(), user_id=job.user_id, email=""))
    await database.close()
    await asyncio.to_thread(migrate, fresh_database_url, to="0012")
    database = Database(fresh_database_url)
    async with database.transaction() as session:
        left = (await session.execute(text("select id from jobs"))).scalars().all()
        tried = (await session.execute(text("select id from attempts"))).scalars().all()
    await database.close()
    assert (left, tried) == ([job.id], [attempt.id])


async def test_the_pod_ledger_follows_a_pod(database: Database) -> None:
    pod = Pod(
        pod_id=f"ledger-{uuid4()}",
        gpu_class=GpuClass.VIDEO,
        number=0,
        generation=1,
        grace_seconds=60,
    )
    async with database.transaction() as session:
        # The ledger is everybody's: other tests have left pods in it.
        await session.execute(update(PodRecord).values(terminated_at=func.now()))
        await pods.record(session, pod)
        assert not await pods.any_ready(session)
        await pods.note(session, pod.pod_id, PodState.READY)
        assert await pods.any_ready(session)
        await pods.note(session, pod.pod_id, PodState.TERMINATED)
        assert not await pods.any_ready(session)


async def test_an_unreachable_database_is_its_own_error(unused_tcp_port: int) -> None:
    database = Database(f"postgresql://app:pw@127.0.0.1:{unused_tcp_port}/none")
    with pytest.raises(DatabaseUnavailable):
        await database.check()
    await database.close()


def differences(database_url: str) -> list[object]:
    """What the tables in code have that the database has not, and the other way round."""
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), SQLModel.metadata))


def test_migrations_go_both_ways_and_make_what_the_tables_say(
    postgres_server: object, fresh_database_url: str
) -> None:
    head = migrate(fresh_database_url)
    assert head is not None
    assert head > "0001"
    assert differences(fresh_database_url) == []
    assert migrate(fresh_database_url, to="base") is None
    assert migrate(fresh_database_url, to="0001") == "0001"
    assert migrate(fresh_database_url, to="0001") == "0001"
    assert migrate(fresh_database_url) == head
    assert migrate(fresh_database_url, to="0001") == "0001"

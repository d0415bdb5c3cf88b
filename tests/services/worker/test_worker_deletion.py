"""Nothing of a person is left anywhere once their job was deleted."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from google.protobuf.json_format import MessageToJson
from sqlalchemy import select, update
from sqlmodel import SQLModel, col
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from rekindle.adapters.job_deletion import TemporalDeletions
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import deletion as contract
from rekindle.contracts import keys
from rekindle.contracts.deletion import DeletionState, Erased
from rekindle.models import Entitlement, IdempotencyKey, Job, Order, User
from rekindle.store import deletion
from rekindle.store.database import Database

EMAIL = "canary-of-the-deletion@example.org"
PROMPT = "She smiles at the canary of the deletion"
PATIENCE = 240


async def in_bucket(objects: S3Store) -> str:
    """All keys."""
    found, after = [], None
    while page := await objects.find("", after=after, most=1000):
        found += [each.key for each in page]
        after = page[-1].key
    return "\n".join(found)


async def in_tables(database: Database) -> dict[str, str]:
    """Every row of every table, as text; bodies of replies are read as well."""
    found = {}
    async with database.transaction() as session:
        for table in SQLModel.metadata.sorted_tables:
            rows = (await session.execute(select(table))).all()
            found[table.name] = "\n".join(str(tuple(row)) for row in rows)
    return found


async def histories(client: Client, since: datetime) -> AsyncIterator[tuple[str, str]]:
    """Every history that got longer since then, payloads decoded, by the id of its workflow."""
    grew = f"ExecutionStatus = 'Running' OR CloseTime >= '{since.isoformat()}'"
    async for run in client.list_workflows(grew):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        try:
            events = [each async for each in handle.fetch_history_events()]
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            continue  # deleted this moment
        yield run.id, "".join(str(each) for each in events) + MessageToJson(events[0])


async def sells(database: Database, job_id: UUID, attempt: Any) -> UUID:
    """A delivered order of an attempt, and a reply that is kept of it."""
    order = Order(
        id=uuid4(),
        job_id=job_id,
        attempt_id=attempt.id,
        product="hd_image",
        amount=490,
        currency="eur",
        price_version="1",
        status="delivered",
        hd="ready",
        expires_at=datetime.now(UTC),
    )
    reply = json.dumps({"job_id": str(job_id), "email": EMAIL}).encode()
    kept = IdempotencyKey(
        scope=f"scope-{order.id}",
        fingerprint="0",
        first_used_at=datetime.now(UTC),
        tries=1,
        holder=uuid4(),
        status=201,
        body=reply,
    )
    async with database.transaction() as session:
        session.add(order)
        session.add(kept)
        await session.flush()
        key = keys.restored_hd(job_id, attempt.stamp)
        session.add(Entitlement(order_id=order.id, object_key=key))
        change = update(Job).where(col(Job.id) == job_id)
        await session.execute(change.values(email=EMAIL))
        # The person of these tests is called as their job.
        called = update(User).where(col(User.subject) == str(job_id))
        await session.execute(called.values(subject=str(uuid4())))
    return order.id


async def test_a_deletion_reaches_bucket_tables_and_histories(
    person: Any, temporal: Client, objects: S3Store, database: Database
) -> None:
    job_id, began = person.job.job_id, datetime.now(UTC)
    picture = await person.sees(await person.restores())
    await person.sees(
        await person.animates(picture, "animate", prompt=PROMPT, seconds=2, megapixels=0.2)
    )
    await person.sees(await person.has_hd_made(picture, "upscale_classic"))
    order_id = await sells(database, job_id, picture)
    canaries = (str(job_id), EMAIL, PROMPT)
    planted = [
        await in_bucket(objects),
        "\n".join((await in_tables(database)).values()),
        "\n".join([text async for _, text in histories(temporal, began)]),
    ]
    assert [sum(canary in place for canary in canaries) for place in planted] == [1, 3, 2]
    async with database.transaction() as session:
        job = await deletion.by_id(session, job_id)
        assert job is not None
        await deletion.mark(session, job, undo=timedelta(0))
    await TemporalDeletions(temporal, patience_seconds=60).begin(job_id)
    handle = temporal.get_workflow_handle(contract.workflow_id(job_id), result_type=Erased)
    assert (await asyncio.wait_for(handle.result(), PATIENCE)).state is DeletionState.GONE
    assert str(job_id) not in await in_bucket(objects)
    tables = await in_tables(database)
    for canary in canaries:
        assert [name for name, rows in tables.items() if canary in rows] == []
    assert str(order_id) in tables["orders"]
    assert str(order_id) in tables["entitlements"]
    await until_forgotten(temporal, began, job_id, canaries)


async def until_forgotten(
    client: Client, began: datetime, job_id: UUID, canaries: tuple[str, ...]
) -> None:
    """Only the deletion itself names the job still; the server deletes behind its answer."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [
                name async for name, text in histories(client, began) if has_any(text, canaries)
            ]
            if set(found) <= {contract.workflow_id(job_id)}:
                break
            await asyncio.sleep(1)
    texts = [text async for name, text in histories(client, began) if name in found]
    for text in texts:
        assert not has_any(text, (EMAIL, PROMPT, f"/{job_id}"))


def has_any(text: str, canaries: tuple[str, ...]) -> bool:
    return any(canary in text for canary in canaries)

"""Albums of one person, and what becomes of the orders over them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from rekindle.contracts import checksums, keys
from rekindle.contracts.orders import HdState
from rekindle.ports.objects import ObjectStore
from rekindle.rules.orders import reconcile
from rekindle.store import order_items, orders, outcomes
from rekindle.store.database import Database
from rekindle.store.order_items import ItemHd
from tests.services.api.orders.conftest import paid

Document = dict[str, Any]


@dataclass
class Shelf:
    """What a person does with photos, and what our workflows would do with their orders."""

    http: httpx.AsyncClient
    database: Database
    objects: ObjectStore
    folder: Path
    make_job: Callable[..., Awaitable[Document]]
    succeed: Callable[..., Awaitable[None]]

    async def photo(self, *, is_restored: bool = True) -> Document:
        job = await self.make_job(self.http)
        if is_restored:
            attempt = (await self.http.post(job["links"]["restore"])).json()
            await self.succeed(attempt)
        document: Document = (await self.http.get(job["links"]["self"])).json()
        return document

    async def album(self, *photos: Document) -> Document:
        wish = {"title": "Summer", "job_ids": [each["id"] for each in photos]}
        reply = await self.http.post("/api/v1/albums", json=wish)
        assert reply.status_code == 201, reply.text
        document: Document = reply.json()
        return document

    async def look(self, album: Document) -> Document:
        document: Document = (await self.http.get(album["links"]["self"])).json()
        return document

    async def check_out(self, album: Document, status: int = 201, **wish: str) -> Document:
        reply = await self.http.post(album["links"]["checkout"], json=wish)
        assert reply.status_code == status, reply.text
        document: Document = reply.json()
        return document

    async def buy(self, photo: Document, status: int = 201) -> Document:
        """Buy the HD of one photo alone."""
        wish = {"attempt_id": photo["selected_restore_id"]}
        reply = await self.http.post(photo["links"]["checkout"], json=wish)
        assert reply.status_code == status, reply.text
        document: Document = reply.json()
        return document

    async def pay(self, order: Document, *, refunded: bool = False) -> None:
        """Its price has been paid, and, if so, given back."""
        async with self.database.transaction() as session:
            row = await orders.by_id(session, UUID(order["id"]))
            assert row is not None
            state = await outcomes.state(session, row)
            outcome = reconcile(state, paid(row, refunded=refunded), datetime.now(UTC))
            assert await outcomes.record(session, row, outcome, object_key="") is not None

    async def make(self, order: Document, *, failing: int = 0) -> list[bytes]:
        """The HD of its photos was made, but for so many of the last; the bytes of each."""
        made, ends = [], {}
        items = order["items"]
        for number, item in enumerate(items, start=1):
            if number > len(items) - failing:
                ends[number] = ItemHd(HdState.FAILED, error_code="graph_failed")
                continue
            made.append(f"HD of {item['job_id']}".encode() * 100)
            key = await self.store(item["job_id"], made[-1])
            ends[number] = ItemHd(HdState.READY, object_key=key)
        async with self.database.transaction() as session:
            await order_items.note(session, UUID(order["id"]), ends)
        return made

    async def store(self, job_id: str, content: bytes, *, is_labelled: bool = True) -> str:
        file = self.folder / job_id
        file.write_bytes(content)
        key = keys.restored_hd(UUID(job_id), "s")
        labels = {checksums.LABEL: checksums.of_file(file)} if is_labelled else None
        await self.objects.put_file(key, file, content_type="image/png", labels=labels)
        return key

    async def deliver(self, order: Document, *, failing: int = 0) -> list[bytes]:
        """Paid, made, and granted."""
        await self.pay(order)
        made = await self.make(order, failing=failing)
        await self.pay(order)
        return made

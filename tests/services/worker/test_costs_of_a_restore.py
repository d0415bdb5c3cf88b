"""What one restoration costs, counted: small numbers that nobody raises by accident."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.bench.photos import write_photo
from deploy.bench.product import metered_product
from rekindle.ports.identity import Principal
from rekindle.settings import Settings
from rekindle.wiring.api import ApiPorts, open_api


class Tokens:
    """Everybody is the same person."""

    async def verify(self, token: str) -> Principal:
        return Principal("https://issuer.example/", token, frozenset(), None, 0)

    async def check(self) -> None:
        return None


@asynccontextmanager
async def ports_for_anybody(settings: Settings) -> AsyncIterator[ApiPorts]:
    async with open_api(settings) as ports:
        yield replace(ports, tokens=Tokens())


# `temporal` terminates what is left running; `database` forgets what pods of other tests could run.
@pytest.mark.usefixtures("temporal", "database")
async def test_one_restoration_costs_little(settings: Settings, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    write_photo(photo, 64)
    async with metered_product(settings, "ada", open_api_ports=ports_for_anybody) as product:
        # A busy machine repeats workflow tasks, which is no cost of ours: look a few times.
        for _ in range(5):
            counts = await product.counts_a_restoration(photo)
            if counts.render.events <= 23:
                break

    # The API reads the job, writes the attempt, reads it and its place in line; then admitted,
    # its job still there once the master is stored; succeeded, selected.
    assert (counts.statements, counts.requests) == (8, {"GetObject": 2, "PutObject": 3})
    # Staging, rendering, finalizing; and at most two a second between them.
    assert counts.progress_writes <= 3 + 2 * counts.seconds
    assert counts.transactions <= 6 + counts.progress_writes
    assert (counts.render.activities, counts.render.events) == (3, 23)
    assert counts.render.bytes < 6 * 1024
    assert counts.job.events <= 17
    assert counts.job.bytes < 4 * 1024

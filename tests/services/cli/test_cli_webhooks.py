"""`rekindle webhooks`: what users' servers were told, and telling it again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.embedded.temporal import EmbeddedTemporal
from tests.services.webhooks.conftest import Receiver, Town, post_office
from tests.services.webhooks.conftest import receiver as receiver
from tests.services.webhooks.conftest import town as town

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(fresh_database_url: str, temporal_server: EmbeddedTemporal) -> Run:
    """Runs `rekindle webhooks` as an operator of this deployment."""
    variables = {
        "DATABASE_URL": fresh_database_url,
        "TEMPORAL_ADDRESS": temporal_server.address.address,
        "COLUMNS": "300",
    }

    async def invoke(*arguments: str) -> Result:
        runner = CliRunner(env=variables)
        return await asyncio.to_thread(runner.invoke, app, ["webhooks", *arguments])

    return invoke


async def listed(run: Run, *arguments: str) -> list[dict[str, Any]]:
    result = await run("list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["deliveries"]
    return found


async def test_a_delivery_is_listed_and_replayed(
    run: Run, temporal: Client, town: Town, receiver: Receiver
) -> None:
    endpoint = await town.endpoint(f"{receiver.url}/canary-url")
    job_id = await town.job()
    assert "Nothing was told" in (await run("list")).output
    await town.succeeded(job_id)
    async with post_office(temporal, town) as post:
        await post.delivers()
        [row] = await town.deliveries()
        [told] = await listed(run, "--status", "delivered", "--endpoint", str(endpoint.id))
        assert (told["id"], told["tries"], told["last_status"]) == (str(row.id), 1, 200)
        assert await listed(run, "--status", "failed") == []
        assert await listed(run, "--endpoint", str(uuid4())) == []

        shown = await run("list")
        assert str(row.id) in shown.output
        assert "canary" not in shown.output

        replayed = await run("replay", str(row.id))
        assert replayed.exit_code == 0, replayed.output
        await post.result(row)
    assert len({each.headers["webhook-id"] for each in receiver.got}) == 1
    assert len(receiver.got) == 2
    assert [(each["status"], each["tries"]) for each in await listed(run)] == [("delivered", 2)]


async def test_a_delivery_that_nobody_knows_is_not_replayed(run: Run, town: Town) -> None:
    assert await town.deliveries() == []
    result = await run("replay", str(uuid4()), "--json")
    assert result.exit_code == 1
    assert "delivery_not_found" in result.output

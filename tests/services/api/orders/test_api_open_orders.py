"""At most so many unpaid orders of one user."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.services.api.orders.conftest import Buy, Till
from tests.services.statements import statements

SetSettings = Callable[..., None]


async def check_out(
    http: httpx.AsyncClient, job: dict[str, Any], attempt: dict[str, Any], **more: Any
) -> httpx.Response:
    return await http.post(job["links"]["checkout"], json={"attempt_id": attempt["id"]} | more)


@pytest.fixture(autouse=True)
def one_at_a_time(set_settings: SetSettings) -> None:
    set_settings(max_open_orders=1)


async def test_so_many_may_be_unpaid(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    world: Any,
) -> None:
    assert (await check_out(http, job, restoration)).status_code == 201
    reply = await check_out(http, job, animation)
    assert (reply.status_code, reply.json()["code"]) == (429, "too_many_open_orders")
    assert int(reply.headers["retry-after"]) >= 1
    assert len(world.orders.opened) == 1


async def test_the_page_of_an_order_that_is_there_is_told_again(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    assert (await check_out(http, job, restoration)).status_code == 201
    assert (await check_out(http, job, restoration)).status_code == 200


async def test_another_currency_replaces_an_order_and_needs_no_room(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    assert (await check_out(http, job, restoration)).status_code == 201
    assert (await check_out(http, job, restoration, currency="eur")).status_code == 201


async def test_one_that_was_canceled_makes_room(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Buy,
) -> None:
    order = await buy(restoration)
    assert (await http.post(order["links"]["cancel"])).status_code == 200
    assert (await check_out(http, job, animation)).status_code == 201


async def test_one_that_was_paid_makes_room(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Buy,
    till: Till,
) -> None:
    await till.pay(await buy(restoration))
    assert (await check_out(http, job, animation)).status_code == 201


async def test_counting_costs_no_statement(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Buy,
    world: Any,
) -> None:
    await buy(restoration)
    with statements(world.database) as sent:
        assert (await check_out(http, job, animation)).status_code == 429
    assert len(sent) == 2  # the job, and the attempt with everything that is counted

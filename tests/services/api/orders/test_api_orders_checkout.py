"""The HD of an attempt is ordered: once, at our price, by its owner."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from rekindle.errors import PaymentsUnavailable, WorkflowsUnavailable
from rekindle.rules.prices import price_of


async def ask(
    http: httpx.AsyncClient, job: dict[str, Any], wish: Any, key: str | None = None
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await http.post(job["links"]["checkout"], json=wish, headers=headers)


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/api/v1/orders")).json()["orders"]
    return found


async def test_a_checkout_makes_an_order_at_our_price_and_answers_its_page(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    reply = await ask(http, job, {"attempt_id": restoration["id"]})
    assert reply.status_code == 201
    order = reply.json()
    price = price_of("hd_image", "usd")
    assert (order["product"], order["amount"], order["currency"]) == (
        "hd_image",
        price.amount,
        "usd",
    )
    assert (order["job_id"], order["attempt_id"]) == (job["id"], restoration["id"])
    assert order["status"] == "awaiting_payment"
    assert order["checkout_url"] == f"https://pay.example/{order['id']}"
    assert order["expires_at"]
    assert (order["hd"]["state"], order["hd_url"]) == ("waiting", None)
    assert reply.headers["location"] == order["links"]["self"]
    links = order["links"]
    assert (links["job"], links["attempt"]) == (job["links"]["self"], restoration["links"]["self"])
    assert (links["cancel"], links["hd"]) == (f"{links['self']}/cancel", None)
    looked_at = (await http.get(links["self"])).json()
    assert looked_at == {**order, "checkout_url": None}


async def test_an_animation_is_sold_as_one(buy: Any, animation: dict[str, Any]) -> None:
    order = await buy(animation)
    assert (order["product"], order["amount"]) == ("hd_animation", 999)
    assert order["links"]["attempt"] == animation["links"]["self"]


async def test_who_asks_again_is_given_the_same_page(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], buy: Any
) -> None:
    first = await buy(restoration)
    again = await ask(http, job, {"attempt_id": restoration["id"], "product": "hd_image"})
    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert again.json()["checkout_url"] == first["checkout_url"]


async def test_two_at_once_are_one_order(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    wish = {"attempt_id": restoration["id"]}
    replies = await asyncio.gather(*(ask(http, job, wish) for _ in range(6)))
    assert sorted(each.status_code for each in replies) == [200] * 5 + [201]
    assert len({each.json()["id"] for each in replies}) == 1
    assert len(await listed(http)) == 1


async def test_a_repeated_key_gives_the_first_reply(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: Any
) -> None:
    key = str(uuid4())
    first = await ask(http, job, {"attempt_id": restoration["id"]}, key)
    again = await ask(http, job, {"attempt_id": restoration["id"]}, key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert len(world.orders.opened) == 1
    other = await ask(http, job, {"attempt_id": restoration["id"], "currency": "eur"}, key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_hd_that_no_pod_can_make_is_not_sold(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    pod: Any,
    serve: Any,
    set_settings: Any,
) -> None:
    set_settings(hd_image_graph="upscale_hd")
    await pod(["restore", "upscale_classic"])
    async with serve() as later:  # the first one has looked at the pods already
        later.headers["Authorization"] = http.headers["Authorization"]
        reply = await ask(later, job, {"attempt_id": restoration["id"]})
    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (409, "graph_unavailable")
    assert await listed(http) == []


@pytest.mark.parametrize("failure", [PaymentsUnavailable(), WorkflowsUnavailable()], ids=str)
async def test_when_the_page_cannot_be_made_the_order_waits_for_the_same_request(
    failure: Exception,
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    world: Any,
) -> None:
    key, wish = str(uuid4()), {"attempt_id": restoration["id"]}
    world.orders.failure = failure
    refused = await ask(http, job, wish, key)
    assert refused.status_code == 503
    assert refused.json()["retryable"] is True
    assert int(refused.headers["retry-after"]) > 0
    [waiting] = await listed(http)
    assert waiting["status"] == "created"
    world.orders.failure = None
    reply = await ask(http, job, wish, key)
    assert reply.status_code == 201
    assert reply.json()["id"] == waiting["id"]
    assert reply.json()["checkout_url"]


async def test_nothing_is_sold_without_an_account(
    serve: Any, make_job: Any, succeed: Any, world: Any
) -> None:
    world.payments = None
    async with serve() as http:
        job = await make_job(http)
        attempt = (await http.post(job["links"]["restore"])).json()
        await succeed(attempt)
        reply = await ask(http, job, {"attempt_id": attempt["id"]})
        assert (reply.status_code, reply.json()["code"]) == (503, "payments_disabled")
        assert reply.json()["retryable"] is False
        assert await listed(http) == []


async def test_another_currency_replaces_an_order_that_nobody_has_paid(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, world: Any
) -> None:
    dollars = await buy(restoration)
    yen = await buy(restoration, currency="JPY")
    assert yen["id"] != dollars["id"]
    assert (yen["currency"], yen["amount"]) == ("jpy", 750)
    await world.orders.until_woken(*(world.orders.opened[:1]))
    old = (await http.get(dollars["links"]["self"])).json()
    assert (old["status"], old["expires_at"], old["links"]["cancel"]) == ("expired", None, None)
    assert (await buy(restoration))["id"] == yen["id"]
    assert (await buy(restoration, currency="jpy"))["id"] == yen["id"]


async def test_currencies_that_race_leave_one_order_open(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    wishes = [{"attempt_id": restoration["id"], "currency": each} for each in ("eur", "gbp") * 4]
    replies = await asyncio.gather(*(ask(http, job, wish) for wish in wishes))
    assert {each.status_code for each in replies} <= {200, 201}
    found = await listed(http)
    assert len([each for each in found if each["status"] == "awaiting_payment"]) == 1
    assert {each["status"] for each in found} <= {"awaiting_payment", "expired"}


async def test_an_order_that_was_paid_has_no_page_any_more(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
    world: Any,
) -> None:
    order = await buy(restoration)
    await till.pay(order)
    world.orders.opened.clear()
    for wish in ({}, {"currency": "eur"}):
        reply = await ask(http, job, {"attempt_id": restoration["id"]} | wish)
        assert reply.status_code == 200
        again = reply.json()
        assert (again["id"], again["status"]) == (order["id"], "paid")
        assert (again["checkout_url"], again["currency"]) == (None, "usd")
        assert again["links"]["checkout"] is None
    assert world.orders.opened == []


async def test_after_a_page_that_has_ended_comes_a_new_order(
    restoration: dict[str, Any], buy: Any, world: Any
) -> None:
    order = await buy(restoration)
    world.orders.over.add(world.orders.opened[0])
    new = await buy(restoration)
    assert new["id"] != order["id"]
    assert new["checkout_url"] == f"https://pay.example/{new['id']}"


async def test_who_was_paid_back_may_buy_anew(
    restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    order = await buy(restoration)
    await till.pay(order, refunded=True)
    assert (await buy(restoration))["id"] != order["id"]


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"product": "hd_video"}, 422, "unknown_product"),
        ({"product": ""}, 422, "unknown_product"),
        ({"product": "hd_animation"}, 422, "product_not_of_attempt"),
        ({"currency": "chf"}, 422, "unknown_currency"),
        ({"currency": ""}, 422, "unknown_currency"),
        ({"currency": "x" * 100}, 422, "invalid_request"),
        ({"amount": 1}, 422, "invalid_request"),
        ({"price": 0}, 422, "invalid_request"),
        ({"status": "paid"}, 422, "invalid_request"),
        ({"user_id": str(uuid4())}, 422, "invalid_request"),
        ({"attempt_id": "7"}, 422, "invalid_request"),
        ({"attempt_id": str(uuid4())}, 404, "attempt_not_found"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else str(value),
)
async def test_what_cannot_be_sold_is_refused_and_leaves_no_order(
    wish: dict[str, Any],
    status: int,
    code: str,
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
) -> None:
    reply = await ask(http, job, {"attempt_id": restoration["id"]} | wish)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert await listed(http) == []


async def test_only_what_has_succeeded_is_sold(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any]
) -> None:
    queued = (await http.post(job["links"]["restore"])).json()
    reply = await ask(http, job, {"attempt_id": queued["id"]})
    assert (reply.status_code, reply.json()["code"]) == (409, "attempt_not_selectable")


async def test_hd_itself_is_not_sold_again(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    order = await buy(restoration)
    await till.pay(order)
    hd = await till.render(order)
    reply = await ask(http, job, {"attempt_id": str(hd.id)})
    assert (reply.status_code, reply.json()["code"]) == (422, "product_not_of_attempt")


async def test_hd_of_a_generation_is_not_sold(http: httpx.AsyncClient) -> None:
    task = (await http.post("/api/v1/generate", json={"prompt": "A harbour at dawn."})).json()
    made = (await http.get(task["links"]["job"])).json()
    [generation] = made["generations"]
    for wish in ({}, {"product": "hd_image"}):
        reply = await ask(http, made, {"attempt_id": generation["id"]} | wish)
        assert (reply.status_code, reply.json()["code"]) == (422, "product_not_of_attempt")
    assert await listed(http) == []


async def test_the_attempt_of_another_job_is_not_sold_here(
    http: httpx.AsyncClient, restoration: dict[str, Any], make_job: Any
) -> None:
    another = await make_job(http)
    reply = await ask(http, another, {"attempt_id": restoration["id"]})
    assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")

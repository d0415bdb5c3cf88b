"""The HD of an album's photos is bought: together, at our price, and nothing twice."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.errors import PaymentsUnavailable
from rekindle.rules.prices import album_price
from rekindle.store import order_items, orders
from tests.services.api.conftest import MakeJob, Succeed, World
from tests.services.api.orders.album_shelf import Shelf
from tests.services.api.orders.conftest import SetSettings
from tests.services.statements import statements


@pytest.fixture
def shelf(
    http: httpx.AsyncClient, world: World, tmp_path: Path, make_job: MakeJob, succeed: Succeed
) -> Shelf:
    return Shelf(http, world.database, world.objects, tmp_path, make_job, succeed)


async def sold(shelf: Shelf, *photos: dict[str, Any]) -> dict[str, str]:
    """The orders that are not over, by the restorations that they sell."""
    ids = [UUID(each["selected_restore_id"]) for each in photos]
    async with shelf.database.transaction() as session:
        found = await order_items.sales(session, ids, Product.HD_IMAGE)
    return {str(key): str(sale.order.id) for key, sale in found.items()}


async def test_one_order_sells_all_that_can_be_bought_and_says_what_cannot(shelf: Shelf) -> None:
    photos = [await shelf.photo() for _ in range(3)]
    plain = await shelf.photo(is_restored=False)
    album = await shelf.album(*photos, plain)
    bought = await shelf.check_out(album, currency="EUR")
    order, price = bought["order"], album_price(3, "eur")
    assert (order["product"], order["amount"], order["currency"]) == ("album", price.amount, "eur")
    assert (order["album_id"], order["job_id"], order["attempt_id"]) == (album["id"], None, None)
    assert order["checkout_url"] == f"https://pay.example/{order['id']}"
    assert sum(each["amount"] for each in order["items"]) == price.amount
    assert [each["attempt_id"] for each in order["items"]] == [
        each["selected_restore_id"] for each in photos
    ]
    [left_out] = bought["left_out"]
    assert (left_out["job_id"], left_out["problem"]["code"]) == (plain["id"], "nothing_selected")
    looked_at = (await shelf.http.get(order["links"]["self"])).json()
    assert looked_at == order | {"checkout_url": None}
    assert (await shelf.http.get("/api/v1/orders")).json()["orders"] == [looked_at]
    again = await shelf.check_out(album, status=200)
    assert again["order"] == order


async def test_each_photo_tells_of_the_order_that_covers_it_and_of_its_own_hd(
    shelf: Shelf,
) -> None:
    photos = [await shelf.photo() for _ in range(2)]
    order = (await shelf.check_out(await shelf.album(*photos)))["order"]

    async def told(photo: dict[str, Any]) -> tuple[dict[str, Any], str]:
        reply = await shelf.http.get(photo["links"]["self"])
        [brief] = reply.json()["orders"]
        return brief, reply.headers["ETag"]

    def brief(number: int, status: OrderStatus, hd: HdState) -> dict[str, Any]:
        attempt_id = photos[number]["selected_restore_id"]
        shown = {"id": order["id"], "attempt_id": attempt_id, "product": "album"}
        return {**shown, "status": status, "hd": hd, "links": {"self": order["links"]["self"]}}

    before = [await told(each) for each in photos]
    unpaid = OrderStatus(order["status"])
    assert [each for each, _ in before] == [brief(n, unpaid, HdState.WAITING) for n in (0, 1)]
    await shelf.deliver(order, failing=1)
    after = [await told(each) for each in photos]
    assert [each for each, _ in after] == [
        brief(0, OrderStatus.DELIVERED, HdState.READY),
        brief(1, OrderStatus.DELIVERED, HdState.FAILED),
    ]
    assert {tag for _, tag in before}.isdisjoint(tag for _, tag in after)
    page = (await shelf.http.get("/api/v1/jobs")).json()["jobs"]
    by_job = {each["id"]: each["orders"] for each in page}
    assert [by_job[each["id"]] for each in photos] == [[each] for each, _ in after]


async def test_looking_at_the_order_of_an_album_takes_three_statements(
    shelf: Shelf, world: World, stranger: httpx.AsyncClient
) -> None:
    album = await shelf.album(await shelf.photo(), await shelf.photo())
    order = (await shelf.check_out(album))["order"]
    with statements(world.database) as sent:
        assert (await shelf.http.get(order["links"]["self"])).is_success
    assert len(sent) == 3
    assert (await stranger.get(order["links"]["self"])).json()["code"] == "order_not_found"


async def test_another_selection_or_currency_replaces_the_unpaid_order(
    shelf: Shelf, world: World
) -> None:
    one, two = await shelf.photo(), await shelf.photo()
    album = await shelf.album(one)
    first = (await shelf.check_out(album))["order"]
    await shelf.http.post(album["links"]["items"], json={"job_ids": [two["id"]]})
    second = (await shelf.check_out(album))["order"]
    third = (await shelf.check_out(album, currency="jpy"))["order"]
    assert (second["amount"], third["amount"]) == (898, 1350)
    for old in (first, second):
        found = (await shelf.http.get(old["links"]["self"])).json()
        assert found["status"] == "expired"
    await world.orders.until_woken(UUID(first["id"]), UUID(second["id"]))
    assert set((await sold(shelf, one, two)).values()) == {third["id"]}


async def test_what_was_paid_for_is_never_charged_again(shelf: Shelf) -> None:
    alone, together, new = [await shelf.photo() for _ in range(3)]
    first = await shelf.album(together)
    await shelf.deliver((await shelf.check_out(first))["order"])
    single = await shelf.buy(alone)
    await shelf.pay(single)
    album = await shelf.album(alone, together, new)
    assert album["offer"]["photos"] == 1
    bought = await shelf.check_out(album)
    assert [each["job_id"] for each in bought["order"]["items"]] == [new["id"]]
    assert bought["order"]["amount"] == 499
    codes = {each["job_id"]: each["problem"]["code"] for each in bought["left_out"]}
    assert codes == {alone["id"]: "already_bought", together["id"]: "already_bought"}
    refused = await shelf.buy(together, status=409)
    assert refused["code"] == "already_bought"
    await shelf.pay(bought["order"])
    nothing = await shelf.check_out(album, status=409)
    assert nothing["code"] == "nothing_to_sell"


async def test_an_unpaid_order_of_one_photo_and_one_of_its_album_replace_each_other(
    shelf: Shelf, world: World
) -> None:
    photo = await shelf.photo()
    album = await shelf.album(photo, await shelf.photo())
    single = await shelf.buy(photo)
    together = (await shelf.check_out(album))["order"]
    assert (await sold(shelf, photo)).popitem()[1] == together["id"]
    other = await shelf.buy(photo)
    assert other["id"] != single["id"]
    assert (await sold(shelf, photo)).popitem()[1] == other["id"]
    await world.orders.until_woken(UUID(single["id"]), UUID(together["id"]))


async def test_overlapping_albums_that_are_bought_at_once_sell_no_photo_twice(
    shelf: Shelf,
) -> None:
    photos = [await shelf.photo() for _ in range(3)]
    albums = [await shelf.album(*photos[:2]), await shelf.album(*photos[:0:-1])]
    wishes = [shelf.http.post(a["links"]["checkout"]) for a in albums for _ in range(3)]
    replies = await asyncio.gather(*wishes)
    assert {reply.status_code for reply in replies} <= {200, 201}
    open_ones = await sold(shelf, *photos)
    async with shelf.database.transaction() as session:
        for reply in replies:
            row = await orders.by_id(session, UUID(reply.json()["order"]["id"]))
            assert row is not None
            if row.closed_at is None:
                items = await order_items.of_order(session, row)
                assert {open_ones[str(each.attempt_id)] for each in items} == {str(row.id)}


async def test_a_photo_whose_hd_failed_is_told_of_and_may_be_bought_again(shelf: Shelf) -> None:
    photos = [await shelf.photo() for _ in range(2)]
    album = await shelf.album(*photos)
    order = (await shelf.check_out(album))["order"]
    await shelf.deliver(order, failing=1)
    found = (await shelf.http.get(order["links"]["self"])).json()
    assert (found["status"], found["hd"]["state"]) == (OrderStatus.DELIVERED, HdState.READY)
    ready, failed = found["items"]
    assert (await shelf.http.get(ready["links"]["hd"])).json()["order_id"] == order["id"]
    assert ready["hd_url"]
    assert (failed["hd"]["state"], failed["hd_url"]) == ("failed", None)
    assert failed["hd"]["error"]["code"] == "graph_failed"
    [refund] = found["refunds"]
    assert (refund["amount"], refund["reason"]) == (failed["amount"], "hd_failed")
    hd = await shelf.http.get(f"{failed['links']['attempt']}/hd")
    assert (hd.status_code, hd.json()["code"]) == (402, "payment_required")
    items = (await shelf.look(album))["items"]
    assert [each["hd"] and each["hd"]["state"] for each in items] == ["ready", None]
    assert items[0]["links"]["hd"] == ready["links"]["hd"]
    again = await shelf.check_out(album)
    assert [each["job_id"] for each in again["order"]["items"]] == [photos[1]["id"]]


async def test_paid_photos_are_kept_until_they_are_delivered(shelf: Shelf) -> None:
    photos = [await shelf.photo() for _ in range(2)]
    order = (await shelf.check_out(await shelf.album(*photos)))["order"]
    await shelf.pay(order)
    refused = await shelf.http.delete(photos[1]["links"]["delete"])
    assert (refused.status_code, refused.json()["code"]) == (409, "order_undelivered")
    await shelf.deliver(order)
    assert (await shelf.http.delete(photos[1]["links"]["delete"])).status_code == 202
    kept, gone = (await shelf.http.get(order["links"]["self"])).json()["items"]
    assert (gone["job_id"], gone["hd_url"]) == (None, None)
    assert kept["hd_url"]


async def test_an_album_that_is_deleted_gives_its_unpaid_order_up(
    shelf: Shelf, world: World
) -> None:
    album = await shelf.album(await shelf.photo())
    order = (await shelf.check_out(album))["order"]
    assert (await shelf.http.delete(album["links"]["self"])).status_code == 204
    await world.orders.until_woken(UUID(order["id"]))
    found = (await shelf.http.get(order["links"]["self"])).json()
    assert (found["status"], found["album_id"]) == ("expired", None)


async def test_unpaid_orders_of_albums_count_as_all_others(
    shelf: Shelf, set_settings: SetSettings
) -> None:
    one, two = await shelf.photo(), await shelf.photo()
    await shelf.check_out(await shelf.album(one))
    set_settings(max_open_orders=1)
    refused = await shelf.check_out(await shelf.album(two), status=429)
    assert refused["code"] == "too_many_open_orders"
    assert (await shelf.buy(two, status=429))["code"] == "too_many_open_orders"


async def test_the_same_key_makes_one_order_whatever_was_wrong_in_between(
    shelf: Shelf, world: World
) -> None:
    album = await shelf.album(await shelf.photo())
    key = {"Idempotency-Key": uuid4().hex}
    world.orders.failure = PaymentsUnavailable("down")
    away = await shelf.http.post(album["links"]["checkout"], headers=key)
    assert away.json()["code"] == "payments_unavailable"
    world.orders.failure = None
    first = await shelf.http.post(album["links"]["checkout"], headers=key)
    second = await shelf.http.post(album["links"]["checkout"], headers=key)
    assert first.json() == second.json()
    assert len((await shelf.http.get("/api/v1/orders")).json()["orders"]) == 1

"""Orders over several photos, as operators see them, audit them and give money back."""

import json

import pytest

from tests.services.cli.orders_shop import PRICE, OrderShop, Sold
from tests.services.cli.test_cli_orders import answer, kinds, shop

__all__ = ["shop"]


@pytest.fixture
async def sold(shop: OrderShop) -> Sold:
    """Two photos: the first was delivered; of the second nothing went back yet."""
    found = await shop.bought()
    await shop.sql(
        "insert into order_items"
        " (order_id, number, job_id, attempt_id, product, share, hd, object_key, granted_at)"
        " select id, 1, job_id, attempt_id, 'hd_image', amount - 200, 'ready', :key, updated_at"
        " from orders where id = :id",
        id=found.order_id,
        key=found.key,
    )
    await shop.sql(
        "insert into order_items (order_id, number, attempt_id, product, share, hd, closed_at)"
        " select id, 2, id, 'hd_image', 200, 'failed', updated_at from orders where id = :id",
        id=found.order_id,
    )
    await shop.sql("delete from entitlements where order_id = :id", id=found.order_id)
    await found.sql("product = 'album', attempt_id = null, job_id = null")
    return found


async def test_an_album_is_shown_photo_by_photo_audited_and_found_by_its_job(
    shop: OrderShop,
    sold: Sold,
) -> None:
    found = answer(await shop.run("show", str(sold.order_id), "--json"))
    assert [(each["number"], each["share"], each["hd"]) for each in found["items"]] == [
        (1, PRICE - 200, "ready"),
        (2, 200, "failed"),
    ]
    assert (found["product"], found["attempt_id"], found["job_id"]) == ("album", None, None)
    assert "example.org" not in json.dumps(found)
    shown = (await shop.run("show", str(sold.order_id))).stdout
    for words in ("items:", "2.99 USD", sold.key):
        assert words in shown
    job_id = found["items"][0]["job_id"]
    listed = answer(await shop.run("list", "--job", job_id, "--json"))["orders"]
    assert [each["id"] for each in listed] == [str(sold.order_id)]
    assert await kinds(shop, 1) == ["wrong_sum"]  # a share that has to go back
    await shop.sql("update order_items set hd = 'ready' where number = 2")
    assert await kinds(shop, 1) == ["delivered_but_locked"]
    await shop.run("refund", str(sold.order_id), "--yes")
    closed = answer(await shop.run("show", str(sold.order_id), "--json"))
    assert all(each["closed_at"] for each in [closed, *closed["items"]])

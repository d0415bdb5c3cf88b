"""The pages that a browser comes back to: the same for everybody, and nothing from elsewhere."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from rekindle.contracts.orders import CANCEL_PAGE, SUCCESS_PAGE
from rekindle.store import orders
from rekindle.store.database import Database


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


async def visit(http: httpx.AsyncClient, path: str, **query: str) -> httpx.Response:
    """As a browser does: without any token."""
    request = http.build_request("GET", path, params=query)
    del request.headers["Authorization"]
    return await http.send(request)


@pytest.mark.parametrize("path", [SUCCESS_PAGE, CANCEL_PAGE])
async def test_a_page_needs_nothing_from_elsewhere_and_nobodys_data(
    path: str, http: httpx.AsyncClient
) -> None:
    order_id = str(uuid4())
    reply = await visit(http, path.format(order_id=order_id), session_id="cs_test_<script>")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    page = Page(reply.text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "link", "iframe", "form"})
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert ("html", {"lang": "en"}) in page.tags
    assert any(attributes.get("name") == "viewport" for _, attributes in page.tags)
    assert [tag for tag, _ in page.tags].count("h1") == 1
    assert [attributes for tag, attributes in page.tags if tag == "a"] == [{"href": "/"}]
    assert "Back to Old <Photos>" in page.text
    assert order_id not in reply.text
    assert "cs_test" not in reply.text


@pytest.mark.parametrize("path", [SUCCESS_PAGE, CANCEL_PAGE])
async def test_a_page_may_use_its_own_style_and_nothing_more(
    path: str, http: httpx.AsyncClient
) -> None:
    reply = await visit(http, path.format(order_id=uuid4()))
    policy = reply.headers["content-security-policy"]
    [style] = re.findall(r"<style>(.*?)</style>", reply.text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    for rule in ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert rule in policy


async def paged(buy: Any, restoration: dict[str, Any], database: Database) -> tuple[str, str]:
    """An order with a checkout session: both ids."""
    order = await buy(restoration)
    session_id = f"cs_test_{uuid4().hex}"
    async with database.transaction() as session:
        await orders.note_session(session, UUID(order["id"]), session_id)
    return order["id"], session_id


async def test_who_comes_back_from_paying_has_the_order_looked_at(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, world: Any, database: Database
) -> None:
    order_id, session_id = await paged(buy, restoration, database)
    await visit(http, SUCCESS_PAGE.format(order_id=order_id), session_id=session_id)
    await world.orders.until_woken(UUID(order_id))


async def test_nothing_is_learnt_or_done_by_guessing(
    http: httpx.AsyncClient,
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Any,
    world: Any,
    database: Database,
) -> None:
    order_id, session_id = await paged(buy, restoration, database)
    other_id, other_session_id = await paged(buy, animation, database)
    pages = [
        await visit(http, SUCCESS_PAGE.format(order_id=there), **query)
        for there, query in (
            (order_id, {}),
            (order_id, {"session_id": ""}),
            (order_id, {"session_id": "{CHECKOUT_SESSION_ID}"}),
            (order_id, {"session_id": other_session_id}),
            (order_id, {"session_id": session_id.upper()}),
            (order_id, {"session_id": "x" * 4000}),
            (order_id, {"session_id": "\x00"}),
            (str(uuid4()), {"session_id": session_id}),
            ("no-order", {"session_id": session_id}),
        )
    ]
    assert {each.status_code for each in pages} == {200}
    assert len({each.text for each in pages}) == 1
    cancel = await visit(http, CANCEL_PAGE.format(order_id=order_id), session_id=session_id)
    assert cancel.status_code == 200
    # The last one in line: whoever was to be woken would have been.
    await visit(http, SUCCESS_PAGE.format(order_id=other_id), session_id=other_session_id)
    await world.orders.until_woken(UUID(other_id))
    assert UUID(order_id) not in world.orders.woken


async def test_without_the_database_the_page_is_there_all_the_same(serve: Any, world: Any) -> None:
    world.database = Database("postgresql://u:p@127.0.0.1:1/none")
    async with serve() as http:
        path = SUCCESS_PAGE.format(order_id=uuid4())
        assert (await visit(http, path, session_id="cs_test_1")).status_code == 200
    await world.database.close()

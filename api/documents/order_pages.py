"""A page of orders."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from api.documents import examples
from api.documents.hd import Delivery
from api.documents.jobs import PageLinks
from api.documents.orders import OrderDocument, order_document
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.store.order_views import OrderView


class OrderPage(BaseModel):
    """Some of the caller's orders, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ORDER_PAGE]})

    orders: list[OrderDocument]
    links: PageLinks


def order_page(
    views: Sequence[OrderView],
    links: PageLinks,
    delivery: Delivery,
    waiting: WaitingById = NOBODY_WAITS,
) -> OrderPage:
    """The document of a page.

    Args:
        views: in the order of the page.
        links: where to go from the page.
        delivery: of HD files.
        waiting: how HD attempts that are unfinished wait.
    """
    documents = [order_document(view, delivery, waiting) for view in views]
    return OrderPage(orders=documents, links=links)

"""Where a browser comes back to from a checkout. The same for everybody: nothing is told here."""

from collections.abc import Callable
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from api import paths
from api.checkout_pages import POLICY, cancel_page, success_page
from api.dependencies import ports_of, settings_of, waker_of
from rekindle.errors import DatabaseUnavailable
from rekindle.store import orders

router = APIRouter(include_in_schema=False)

_LOG = structlog.get_logger(__name__)
_LONGEST_SESSION_ID = 255
_HEADERS = {"Content-Security-Policy": POLICY}


@router.get(paths.CHECKOUT_SUCCESS)
async def show_success(request: Request, order_id: str, session_id: str = "") -> HTMLResponse:
    """Thank for a payment, and have the order look whether there was one."""
    try:
        await _look(request, order_id, session_id)
    except DatabaseUnavailable as error:
        _LOG.warning("an order is left to its webhook", why=str(error))
    return _shown(request, success_page)


@router.get(paths.CHECKOUT_CANCEL)
async def show_cancel(request: Request) -> HTMLResponse:
    """Say that nothing was paid; the order stays open until its offer ends."""
    return _shown(request, cancel_page)


async def _look(request: Request, order_id: str, session_id: str) -> None:
    """Wake the order of a session, whose id is known to nobody but who was sent to its page."""
    if not 0 < len(session_id) <= _LONGEST_SESSION_ID:
        return
    try:
        known = UUID(order_id)
    except ValueError:
        return
    async with ports_of(request).database.transaction() as session:
        order = await orders.by_id(session, known)
    if order is not None and session_id in order.session_ids:
        waker_of(request).wake(order.id)


def _shown(request: Request, page: Callable[[str, str], str]) -> HTMLResponse:
    title, back = settings_of(request).api_title, settings_of(request).public_url or "/"
    return HTMLResponse(page(title, back), headers=_HEADERS)

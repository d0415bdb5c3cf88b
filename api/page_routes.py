"""Routes that a person looks at with a browser: what goes wrong is told on a page."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse

from api.cookies import drop_cookie
from api.dependencies import limits_of, settings_of
from api.limits import RateClass
from api.pages import policy
from api.problems.handlers import answer_to
from api.sign_in_pages import refusal_page
from rekindle.errors import AccessError, RekindleError


class PageRoute(APIRoute):
    """A route without a token; whoever asks too often from one address is turned away.

    Programs, which do not ask for HTML, are told what went wrong in a problem document.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the check, and in front of the page."""
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            limits = limits_of(request)
            try:
                await limits.admit(RateClass.COMMANDS, request.scope)
                return await handle(request)
            except RekindleError as error:
                if isinstance(error, AccessError):
                    await limits.note_refusal(request.scope)
                response = await answer_to(request, error)
                assert response is not None  # noqa: S101 - every error of ours has an answer
                if _wants_page(request):
                    response = _as_page(request, error, response)
                for name in getattr(request.state, "void_cookies", ()):
                    drop_cookie(request, response, name)
                return response

        return shown


def html_page(html: str, *, status: int = 200, form_targets: str = "'none'") -> HTMLResponse:
    """A page as an answer.

    Args:
        html: all of it.
        status: of the answer.
        form_targets: where its forms may lead.
    """
    return HTMLResponse(html, status, {"Content-Security-Policy": policy(form_targets)})


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _as_page(request: Request, error: RekindleError, problem: Response) -> HTMLResponse:
    html = refusal_page(
        settings_of(request).api_title,
        error,
        next_path=getattr(request.state, "next_path", None),
        instance=getattr(request.state, "request_id", ""),
    )
    page = html_page(html, status=problem.status_code)
    for name, value in problem.headers.items():
        page.headers.setdefault(name, value)
    return page

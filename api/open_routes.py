"""The routes that need no token, kept as data. Everything else is refused without one."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api import paths
from api.identity import GuardedRoute

OPEN_ROUTES = frozenset(
    {
        ("GET", paths.HEALTH),
        ("GET", paths.HEALTH_V1),
        ("GET", paths.READY),
        ("GET", paths.METRICS),  # behind a token of its own
        # Events carry a signature of their own; nobody brings a token back from a checkout.
        ("POST", paths.STRIPE_WEBHOOK),
        ("GET", paths.CHECKOUT_SUCCESS),
        ("GET", paths.CHECKOUT_CANCEL),
        # Who signs in or out has no token yet; these look at cookies themselves.
        ("GET", paths.SIGN_IN),
        ("GET", paths.SIGN_IN_CALLBACK),
        ("POST", paths.SIGN_OUT),
        ("GET", paths.ACCOUNT),
        # Only there with DEBUG; they describe the API and hold nobody's data.
        ("GET", paths.OPENAPI),
        ("GET", paths.DOCS),
        ("GET", paths.REDOC),
        ("GET", paths.DOCS_ASSETS),
    }
)
"""Method and path of every open route."""


def doors_left_open(app: FastAPI) -> list[tuple[str, str]]:
    """Routes that neither ask for a token nor stand in `OPEN_ROUTES`, as method and path."""
    return sorted(_unguarded(app) - OPEN_ROUTES)


def _unguarded(app: FastAPI) -> set[tuple[str, str]]:
    return {
        door
        for context in iter_route_contexts(app.routes)
        if not isinstance(context.original_route, GuardedRoute)
        for door in _doors(context.methods, context.path)
    }


def _doors(methods: set[str] | None, path: str | None) -> Iterator[tuple[str, str]]:
    """A mount has no methods; it answers GET and HEAD."""
    for method in (methods or {"GET"}) - {"HEAD"}:
        yield method, path or "?"

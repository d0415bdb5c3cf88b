"""The application: settings in, routes, middleware and error handlers put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from api import paths
from api.events import EventHub
from api.graphs import animation_pack, restore_pack
from api.health import HealthChecks
from api.idempotency import IdempotencyKeys
from api.idempotency.headers import KEY, REPLAYED
from api.images import largest_body, too_large
from api.inbox import EventInbox
from api.interactive_docs import add_interactive_docs
from api.limits import RateLimits
from api.limits.headers import LIMIT, POLICY
from api.metrics import registry_of, tell_of_parts
from api.middleware import (
    Allowance,
    AllowedHosts,
    BodyLimit,
    FailureBoundary,
    RequestContext,
    RequestMetrics,
    SecurityHeaders,
)
from api.offering import PodGraphs
from api.open_routes import doors_left_open
from api.openapi import Application, operation_id
from api.problems import EXCEPTION_HANDLERS
from api.routes import (
    album_works,
    albums,
    animations,
    api_keys,
    browser_sessions,
    checkouts,
    deletions,
    events,
    generations,
    graphs,
    hd,
    health,
    jobs,
    metrics,
    orders,
    restorations,
    restores,
    sign_in,
    uploads,
    webhook_endpoints,
    webhooks,
)
from api.uploads import ENVELOPE_BYTES, largest_photo, photo_too_large
from api.waking import OrderWaker
from api.zips import Zips
from comfy_graphs import GraphPack, add_packs
from rekindle.errors import RequestTooLarge, SettingsInvalid, UnknownGraph
from rekindle.settings import Settings
from rekindle.wiring.api import ApiPorts, open_api
from rekindle.wiring.parts import cloudfront
from rekindle.wiring.rates import open_counters, rates
from rekindle.wiring.sign_in import is_sign_in_on

_LARGEST_JSON = 64 * 1024
_LEAST_SECRET = 32
_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    KEY,
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-ID",
)
_ANSWER_HEADERS = (
    *("ETag", REPLAYED, "Location", "Retry-After", "X-Request-ID"),
    *(LIMIT, POLICY),
)

_ROUTES = (
    webhooks,  # first: a request is held against each in turn, and these come in bursts
    uploads,
    jobs,
    deletions,
    restores,
    animations,
    orders,
    hd,
    albums,
    album_works,
    events,
    restorations,
    generations,
    graphs,
    api_keys,
    webhook_endpoints,
    browser_sessions,
    health,
    metrics,
    checkouts,
    sign_in,
)

OpenPorts = Callable[[Settings], AbstractAsyncContextManager[ApiPorts]]


def create_app(settings: Settings, *, open_ports: OpenPorts = open_api) -> FastAPI:
    """The API as an ASGI application; its lifespan opens and closes the ports.

    Args:
        settings: of this process.
        open_ports: what it works through.

    Raises:
        SettingsInvalid: it could not be safe, or could not work, with these settings.
    """
    add_packs(settings.workflows_path)
    check_settings(settings)
    registry = registry_of(settings.api_version)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_ports(settings) as ports, open_counters(settings) as counters:
            checks = HealthChecks(ports, version=settings.api_version)
            hub = EventHub(
                ports.database,
                poll_seconds=settings.event_poll_seconds,
                waiting_seconds=settings.event_waiting_seconds,
            )
            app.state.ports, app.state.health, app.state.events = ports, checks, hub
            app.state.pod_graphs = PodGraphs(ports.database)
            app.state.idempotency = IdempotencyKeys(ports.database)
            app.state.limits = RateLimits(settings, counters)
            app.state.waker = waker = OrderWaker(ports.orders, ports.database)
            app.state.inbox = EventInbox(ports.database, waker.hear)
            app.state.zips = zips = Zips(ports.objects)
            async with aclosing(checks), aclosing(hub), aclosing(waker), aclosing(zips):
                yield

    app = Application(
        title=settings.api_title,
        version=settings.api_version,
        lifespan=lifespan,
        middleware=_middleware(settings, registry),
        exception_handlers=EXCEPTION_HANDLERS,
        generate_unique_id_function=operation_id,
        openapi_url=paths.OPENAPI if settings.debug else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host header of whoever asks
    )
    app.state.settings, app.state.metrics = settings, registry
    tell_of_parts(registry, app)
    for routes in _ROUTES:
        app.include_router(routes.router)
    app.include_router(api_keys.operator)
    if settings.debug:
        add_interactive_docs(app)
    if left_open := doors_left_open(app):
        raise RuntimeError(f"routes without authentication: {left_open}")
    return app


def check_settings(settings: Settings) -> None:
    """Refuse settings that the API cannot run with.

    Raises:
        SettingsInvalid: says which, and how to mend it.
    """
    if len(settings.secret_key.get_secret_value()) < _LEAST_SECRET:
        raise SettingsInvalid(
            f"SECRET_KEY has fewer than {_LEAST_SECRET} characters. Make one with: "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    if not settings.issuer:
        raise SettingsInvalid(
            "AUTH0_DOMAIN is empty: name the issuer whose tokens open this API, for example "
            "example.eu.auth0.com or http://127.0.0.1:9000/"
        )
    _check_graph("DEFAULT_GRAPH", settings.default_graph, restore_pack)
    _check_graph("DEFAULT_ANIMATION_GRAPH", settings.default_animation_graph, animation_pack)
    cloudfront(settings)
    rates(settings)
    is_sign_in_on(settings)


def _check_graph(name: str, value: str, pack_of: Callable[[str], GraphPack]) -> None:
    try:
        pack_of(value)
    except UnknownGraph as error:
        raise SettingsInvalid(f"{name}={value}: {error}") from error


def _middleware(settings: Settings, registry: CollectorRegistry) -> list[Middleware]:
    """Outermost first."""
    is_https = settings.public_address.startswith("https://")
    chain = [
        Middleware(RequestMetrics, registry=registry),
        Middleware(RequestContext),
        Middleware(SecurityHeaders, is_https=is_https),
    ]
    if settings.allowed_hosts:
        chain.append(Middleware(AllowedHosts, names=settings.allowed_hosts))
    if settings.cors_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
            max_age=600,
        )
        chain.append(cors)
    return [*chain, _body_limit(settings), Middleware(FailureBoundary)]


def _body_limit(settings: Settings) -> Middleware:
    form = Allowance(largest_photo(settings) + ENVELOPE_BYTES, lambda: photo_too_large(settings))
    image = Allowance(largest_body(settings), lambda: too_large(settings))
    return Middleware(
        BodyLimit,
        default=Allowance(_LARGEST_JSON, RequestTooLarge),
        by_path={
            paths.UPLOAD: form,
            paths.RESTORATION: form,
            paths.GENERATE: image,
            paths.GENERATE_WITHOUT_VERSION: image,
            paths.STRIPE_WEBHOOK: Allowance(webhooks.LARGEST_EVENT, RequestTooLarge),
        },
    )

"""Counts and times requests for Prometheus, by route and never by address or person."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "none"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)


class RequestMetrics:
    """Tells how many requests there were, how each ended, and how soon its answer began."""

    def __init__(self, app: ASGIApp, *, registry: CollectorRegistry) -> None:
        """Stand around `app`.

        Args:
            app: what answers.
            registry: gets the metrics; one for each application.
        """
        self._app = app
        self._requests = Counter(
            "rekindle_http_requests",
            "Requests that ended, by route and status; 0 means without an answer.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "rekindle_http_answer_seconds",
            "From a request's first byte to its answer's; streams then go on.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._open = Gauge(
            "rekindle_http_requests_open",
            "Requests that have not ended; streams of events are among them.",
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, took = time.perf_counter(), 0, None

        async def timed(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], time.perf_counter() - began
            await send(message)

        self._open.inc()
        try:
            await self._app(scope, receive, timed)
        finally:
            self._open.dec()
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("route"), "path", _NO_ROUTE)
            self._requests.labels(method, route, status).inc()
            if took is not None:
                self._seconds.labels(method, route).observe(took)

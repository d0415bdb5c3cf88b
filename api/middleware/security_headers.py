"""Headers that tell browsers what not to do with an answer."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import paths

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Answers hold one person's data and addresses that open their photos.
    "Cache-Control": "no-store",
}
_JSON_POLICY = "default-src 'none'; frame-ancestors 'none'"
# Swagger UI and ReDoc start from an inline script and style their parts inline.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_POLICIES = {paths.DOCS: _DOCS_POLICY, paths.REDOC: _DOCS_POLICY}
_HSTS = "max-age=63072000; includeSubDomains"


class SecurityHeaders:
    """Adds what is missing; a route that set one of these headers itself keeps it."""

    def __init__(self, app: ASGIApp, *, is_https: bool = False) -> None:
        """Stand around `app`.

        Args:
            is_https: browsers reach us by https, even if it is a proxy that speaks it and who does
                not say so.
        """
        self._app = app
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                policy = _POLICIES.get(scope["path"], _JSON_POLICY)
                headers.setdefault("Content-Security-Policy", policy)
                if self._is_https or scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", _HSTS)
            await send(message)

        await self._app(scope, receive, secured)

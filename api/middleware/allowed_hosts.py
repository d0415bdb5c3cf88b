"""By which host names the API answers."""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api import paths
from api.problems import problem_response
from rekindle.errors import UnknownHost

_PROBES = frozenset({paths.HEALTH, paths.HEALTH_V1, paths.READY})


class AllowedHosts:
    """Refuses requests for other hosts, but for health checks: those call by any address.

    Starlette's `TrustedHostMiddleware` answers plain text where every other refusal is a problem
    document, knows no exception for health checks, and would redirect to `www.`.
    """

    def __init__(self, app: ASGIApp, *, names: Iterable[str]) -> None:
        """Stand around `app`.

        Args:
            names: of hosts, without ports; `*.example.com` allows every name below.
        """
        self._app = app
        lowered = frozenset(name.lower() for name in names)
        self._names = frozenset(name for name in lowered if not name.startswith("*"))
        self._below = tuple(name[1:] for name in lowered if name.startswith("*."))
        self._any = "*" in lowered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["path"] in _PROBES or self._knows(scope):
            await self._app(scope, receive, send)
            return
        await problem_response(UnknownHost(), scope)(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        given = Headers(scope=scope).getlist("host")
        if self._any:
            return True
        name = _without_port(given[0]) if len(given) == 1 else ""
        return name in self._names or (name.endswith(self._below) and not name.startswith("."))


def _without_port(host: str) -> str:
    """The name alone; an IPv6 address keeps its brackets."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()

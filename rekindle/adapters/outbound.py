"""Speaking to servers that strangers have named: only to public addresses, and only to them.

A name is resolved once, every address it has is judged, and the connection goes to one of those
very addresses, so that a name that resolves otherwise a moment later (DNS rebinding) changes
nothing. TLS and the Host header still name the host. Notations such as `0x7f.1` or `2130706433`
need no rule of their own: what the resolver makes of them is judged. No proxy of the environment
is used, no redirect is followed, and of an answer only the status is read.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import httpcore
import httpx
import structlog

from rekindle.contracts.webhooks import SendFailure
from rekindle.ports.webhooks import Answer
from rekindle.rules.addresses import is_public

_LOG = structlog.get_logger(__name__)
SECONDS = 15.0
"""For one try as a whole, from the name to the status."""
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as numbers; raises OSError when there are none."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """What the system says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class _AddressRefused(Exception):
    """The host has an address that is not public."""


class _Unresolved(Exception):
    """The host has no address."""


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that were judged; httpcore keeps the name for TLS and Host."""

    def __init__(self, resolver: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolver
        self._allow_private = allow_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in await self._judged(host, port):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or _Unresolved

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    async def _judged(self, host: str, port: int) -> list[str]:
        try:
            found = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise _Unresolved from error
        # One private address among public ones is no mistake that a stranger should make for us.
        if not self._allow_private and not all(is_public(ipaddress.ip_address(a)) for a in found):
            raise _AddressRefused
        return found


class OutboundSender:
    """Sends messages, each over a connection of its own (`ports.webhooks.WebhookSender`)."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolver: Resolve = resolve,
        seconds: float = SECONDS,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """Make the sender.

        Args:
            allow_private: development: any address will do, and plain HTTP.
            resolver: finds the addresses of a host.
            seconds: for one message as a whole.
            trusted: whose certificates are believed; by default those of the web.
        """
        self._allow_private = allow_private
        self._resolver = resolver
        self._seconds = seconds
        self._trusted = trusted or httpx.create_ssl_context()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See `WebhookSender.send`."""
        if not self._allow_private and not url.startswith("https://"):
            return Answer(failure=SendFailure.ADDRESS_REFUSED)
        try:
            async with asyncio.timeout(self._seconds):
                return Answer(status=await self._status(url, headers, body))
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(failure=SendFailure.TIMED_OUT)
        except _AddressRefused:
            return Answer(failure=SendFailure.ADDRESS_REFUSED)
        except _Unresolved:
            return Answer(failure=SendFailure.UNRESOLVED)
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            ssl.SSLError,
            OSError,
            ValueError,  # an address that httpcore cannot read
        ) as error:
            _LOG.info("webhook_not_sent", why=type(error).__name__)
            return Answer(failure=SendFailure.UNREACHABLE)

    async def _status(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        backend = _PinnedBackend(self._resolver, allow_private=self._allow_private)
        length = {"content-length": str(len(body)), "accept": "*/*", "connection": "close"}
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._trusted, max_connections=1, network_backend=backend
            ) as pool,
            pool.stream(
                "POST", url, headers=list({**headers, **length}.items()), content=body
            ) as response,
        ):
            return response.status

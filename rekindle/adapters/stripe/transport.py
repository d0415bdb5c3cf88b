"""How the SDK's requests travel: one httpx client, bounded in time and size.

The SDK's own `HTTPXClient` hands httpx its form as `data=`, which httpx has deprecated for text.
And the SDK trips over replies that are not Stripe's, of a gateway say: those end here.
"""

import asyncio
import json
from collections.abc import Mapping

import httpx
import stripe

_CONNECT_SECONDS = 10.0
_MOST_BYTES = 32 << 20


class HttpxTransport(stripe.HTTPClient):
    """Sends a request of the SDK. Nothing is repeated, no redirect is followed."""

    name = "httpx"

    def __init__(self, *, timeout: float, is_local: bool) -> None:
        """Prepare a client for one event loop; nothing is requested yet.

        Args:
            timeout: for a whole call, seconds.
            is_local: whether Stripe is on this machine: a proxy from the environment is for the
                internet.
        """
        super().__init__()
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            follow_redirects=False,
            trust_env=not is_local,
        )

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request; see `stripe.HTTPClient`.

        Raises:
            stripe.APIConnectionError: no whole reply came in time, or one that is not Stripe's.
        """
        try:
            async with asyncio.timeout(self._timeout):
                request = self._http.build_request(
                    method, url, headers=dict(headers), content=post_data
                )
                reply = await self._http.send(request, stream=True)
                try:
                    content = await _read(reply)
                finally:
                    await reply.aclose()
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError) as error:
            # Not its text, nor itself as the cause: either may quote headers.
            name = type(error).__name__
            raise _no_reply(name) from None
        if not _is_stripes(content, is_success=reply.is_success):
            raise _no_reply(f"HTTP {reply.status_code} that is not Stripe's")
        return content, reply.status_code, reply.headers

    async def close_async(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def _read(reply: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in reply.aiter_bytes():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise httpx.DecodingError("too large")
    return bytes(content)


def _is_stripes(content: bytes, *, is_success: bool) -> bool:
    """Whether a reply is an object, or an error, in Stripe's form."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    if is_success:
        return isinstance(found.get("object"), str)
    return isinstance(found.get("error"), dict)


def _no_reply(why: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(why)  # type: ignore[no-untyped-call]

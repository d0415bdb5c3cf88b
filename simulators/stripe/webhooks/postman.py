"""Carries parcels over HTTP."""

from __future__ import annotations

import asyncio

import httpx

from simulators.stripe.account.book import Thing


class Postman:
    """Sends and waits for the answer; redirects are failures, as the vendor's are.

    Args:
        seconds: How long the receiver may take.
    """

    def __init__(self, seconds: float) -> None:
        # A kept connection may be closed by the receiver just when it is used again.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = httpx.AsyncClient(timeout=seconds, limits=limits, trust_env=False)

    async def send(
        self, url: str, body: bytes, headers: dict[str, str], copies: int = 1
    ) -> list[Thing]:
        """Send a parcel, and further copies of it at the same time; one account of each."""
        return list(await asyncio.gather(*(self._send(url, body, headers) for _ in range(copies))))

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()

    async def _send(self, url: str, body: bytes, headers: dict[str, str]) -> Thing:
        try:
            reply = await self._http.post(url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return {"status": None, "error": type(error).__name__}
        return {"status": reply.status_code, "error": None}

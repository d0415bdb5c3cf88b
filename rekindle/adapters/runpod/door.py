"""One request to RunPod's REST API: bounded in time and size, its key shown to nobody else."""

import asyncio
import ipaddress
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from rekindle.adapters.runpod.scrubbing import without
from rekindle.adapters.runpod.statuses import Meaning, as_error, meaning
from rekindle.errors import CloudUnavailable, SettingsInvalid

Json = Any
"""What a JSON text holds: not even the outermost shape is trusted."""

_CONNECT_SECONDS = 10.0
_MOST_BYTES = 32 << 20
_LONGEST_DETAIL = 500
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class Answer:
    """A success, or the news that the thing is gone.

    Attributes:
        body: the parsed reply; None without one.
    """

    gone: bool
    body: Json


class RestDoor:
    """Sends what the key's owner may send. Nothing is repeated, no redirect is followed."""

    def __init__(self, api_url: str, key: str, *, timeout: float) -> None:
        """Prepare a client; nothing is requested yet.

        Args:
            api_url: such as `https://api.runpod.io`; plain HTTP is for loopback alone.
            key: API key.
            timeout: for a whole call, seconds.

        Raises:
            SettingsInvalid: the address or the key cannot be one; shows neither.
        """
        self._key, self._timeout = _usable_key(key), timeout
        base_url, local = _safe_address(api_url)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {self._key}", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            follow_redirects=False,
            # A proxy from the environment is for the internet, not for this machine.
            trust_env=not local,
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        exceptions: Mapping[int, Meaning] | None = None,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
        secrets: Iterable[str] = (),
    ) -> Answer:
        """Send one request.

        Args:
            method: of HTTP.
            path: below the API's address, quoted.
            exceptions: what statuses mean here, where they mean something else than everywhere.
            params: query.
            body: sent as JSON.
            secrets: what the vendor may quote back and no error may hold, beside the key.

        Raises:
            NoGpuStock, CloudRefused: as the table of statuses has it.
            CloudUnavailable: also for a time-out, a broken connection or a reply that is not JSON.
        """
        what = f"{method} {path}"
        try:
            async with asyncio.timeout(self._timeout):
                request = self._http.build_request(method, path, params=params, json=body)
                reply = await self._http.send(request, stream=True)
                try:
                    content = await _read(reply)
                finally:
                    await reply.aclose()
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError) as error:
            # Not its text, nor itself as the cause: either may quote headers.
            raise CloudUnavailable(f"{what}: {type(error).__name__}") from None
        if reply.is_success:
            return Answer(gone=False, body=_parse(content, what))
        found = meaning(reply.status_code, exceptions or {})
        if found is Meaning.GONE:
            return Answer(gone=True, body=None)
        said = without({self._key, *secrets}, _prose(content))[:_LONGEST_DETAIL]
        detail = f"{what}: HTTP {reply.status_code}" + (f": {said}" if said else "")
        raise as_error(found, detail, retry_after=_retry_after(reply)) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _usable_key(key: str) -> str:
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsInvalid("RUNPOD_API_KEY holds characters that no key has, or is empty.")
    return key


def _safe_address(api_url: str) -> tuple[httpx.URL, bool]:
    """The address, and whether it is this machine's.

    Raises:
        SettingsInvalid: the key must not go there.
    """
    wrong = SettingsInvalid(
        "RUNPOD_API_URL must be an https:// address (http:// is for this machine alone), "
        "without user, query or fragment."
    )
    try:
        address = httpx.URL(api_url.strip().rstrip("/"))
    except httpx.InvalidURL:
        raise wrong from None
    try:
        local = ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        local = address.host == "localhost"
    safe = address.scheme == "https" or (address.scheme == "http" and local)
    if not safe or not address.host or address.userinfo or address.query or address.fragment:
        raise wrong
    return address, local


async def _read(reply: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in reply.aiter_bytes():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise httpx.DecodingError("too large")
    return bytes(content)


def _parse(content: bytes, what: str) -> Json:
    """A reply's JSON; money stays exact. None for an empty reply."""
    if not content.strip():
        return None
    try:
        return json.loads(content, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError):
        raise CloudUnavailable(f"{what}: the reply is not JSON") from None


def _no_number(name: str) -> Json:
    raise ValueError(name)


def _prose(content: bytes) -> str:
    """What a problem document (RFC 9457) says; of anything else nothing, it may be a page."""
    try:
        problem = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(problem, dict):
        return ""
    errors = problem.get("errors")
    parts = [problem.get("detail"), *(errors if isinstance(errors, list) else ())]
    return "; ".join(part for part in parts if isinstance(part, str))


def _retry_after(reply: httpx.Response) -> float | None:
    """Seconds of a 429's `Retry-After`, a whole number on this API; None for anything else.

    A gateway's 503 may carry one too, but says nothing of what happened behind it: whoever reads
    seconds may take it that nothing did.
    """
    if reply.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return None
    try:
        seconds = float(reply.headers.get("Retry-After", ""))
    except ValueError:
        return None
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_WAIT)

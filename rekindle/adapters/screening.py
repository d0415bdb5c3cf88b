"""Who judges prompts: the built-in rules, and an HTTP service behind them where one is set."""

import asyncio
import json
from collections.abc import Mapping

import httpx
import structlog

from rekindle.errors import PromptRefused, ScreeningUnavailable
from rekindle.rules.screening import Refusal, refusal

_LOG = structlog.get_logger(__name__)

_LARGEST_ANSWER = 64 * 1024
_SENTENCES: Mapping[Refusal, str] = {
    Refusal.UNDRESSING: "This service undresses nobody and makes no pictures of nakedness or sex.",
    Refusal.FACE_SWAP: "This service puts nobody's face or head on another body.",
    Refusal.MINORS: "This service makes no sexual pictures of minors.",
}


class RuleScreening:
    """Judges by the built-in word list (`ports.screening.PromptScreening`)."""

    async def require_allowed(self, prompt: str) -> None:
        """See `PromptScreening.require_allowed`."""
        found = refusal(prompt)
        if found is not None:
            _LOG.info("prompt_refused", why=str(found))
            raise PromptRefused(_SENTENCES[found])


class HttpScreening:
    """Judges by the built-in word list, then asks a service (`ports.screening.PromptScreening`).

    The service is sent `POST {"prompt": "..."}` as JSON and answers 200 `{"allowed": true}` or
    `{"allowed": false}`. Whatever else it does counts as being away: nothing passes unjudged.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Ask at this address; nothing is sent yet.

        Args:
            url: of the service.
            token: sent as a bearer token.
            seconds: for one answer, from the connection to its last byte.
            transport: how requests travel; None for the network.
        """
        self._rules = RuleScreening()
        self._url = url
        self._seconds = seconds
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            follow_redirects=False,
            timeout=seconds,
            transport=transport,
            trust_env=False,
        )

    async def require_allowed(self, prompt: str) -> None:
        """See `PromptScreening.require_allowed`."""
        await self._rules.require_allowed(prompt)
        if not await self._is_allowed(prompt):
            _LOG.info("prompt_refused", why="service")
            raise PromptRefused

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def _is_allowed(self, prompt: str) -> bool:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._answer(prompt)
        except (TimeoutError, httpx.HTTPError, ValueError, RecursionError) as error:
            # Neither address nor prompt belong into a log.
            raise ScreeningUnavailable(type(error).__name__) from error
        match answer:
            case {"allowed": bool(is_allowed)}:
                return is_allowed
            case _:
                raise ScreeningUnavailable("an answer without a verdict")

    async def _answer(self, prompt: str) -> object:
        async with self._http.stream("POST", self._url, json={"prompt": prompt}) as response:
            if response.status_code != httpx.codes.OK:
                raise ScreeningUnavailable(f"status {response.status_code}")
            content = b""
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _LARGEST_ANSWER:
                    raise ScreeningUnavailable("an answer that is too large")
        answer: object = json.loads(content)
        return answer

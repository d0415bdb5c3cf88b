"""When to ask the issuer for its keys, and how long to go on without an answer."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from rekindle.adapters.oidc.documents import IssuerDocuments, UnusableReply, VerificationKey
from rekindle.errors import InvalidToken, IssuerUnavailable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """How keys age and how often the issuer may be asked. All times in seconds."""

    fresh: float = 600
    """Until then keys are simply used; afterwards they are renewed behind the caller's back."""
    usable: float = 6 * 3600
    """Until then old keys go on verifying while the issuer is away."""
    unknown_kid: float = 60
    """A key id the issuer did not have is not asked for again before this."""
    retry: float = 2
    """Pause after a failure."""
    asks_per_minute: int = 10
    """Requests for a key set that unknown key ids can cause, all together."""
    timeout: float = 5
    """For discovery and key set together."""
    max_bytes: int = 256 * 1024


class IssuerKeys:
    """The verification keys of one issuer: cached, renewed, shared by all callers.

    Belongs to one event loop. At most one renewal runs at a time; whoever needs its outcome
    waits for the same one.
    """

    def __init__(
        self, documents: IssuerDocuments, policy: KeyPolicy, clock: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._policy = policy
        self._clock = clock
        self._keys: dict[str, VerificationKey] = {}
        self._fetched_at = float("-inf")
        self._failed_at: float | None = None
        self._asked_at: deque[float] = deque(maxlen=policy.asks_per_minute)
        self._absent: dict[str, float] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def get(self, kid: str) -> VerificationKey:
        """The issuer's key of that id.

        Args:
            kid: from an unverified token: compared, never followed.

        Raises:
            InvalidToken: the issuer has no such key.
            IssuerUnavailable: it may have, but cannot be asked.
        """
        key = self._usable().get(kid)
        if key is None:
            await self._ask_for(kid)
            key = self._usable().get(kid)
        elif not self._is_within(self._policy.fresh, self._fetched_at):
            self._renew_if_allowed()
        if key is not None:
            return key
        if self._failed_at is not None or not self._usable():
            raise IssuerUnavailable("the issuer's keys could not be fetched")
        raise InvalidToken("the token names a key that the issuer does not have")

    async def check(self) -> None:
        """Make sure that keys are at hand; raise `IssuerUnavailable` otherwise."""
        if not self._usable() and (renewal := self._renew_if_allowed()):
            await asyncio.shield(renewal)
        if not self._usable():
            raise IssuerUnavailable("the issuer's keys could not be fetched")

    async def aclose(self) -> None:
        """Stop a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    def _usable(self) -> dict[str, VerificationKey]:
        return self._keys if self._is_within(self._policy.usable, self._fetched_at) else {}

    def _is_within(self, seconds: float, since: float) -> bool:
        # Either way: a clock that is set back must not make old keys look new for long.
        return abs(self._clock() - since) < seconds

    async def _ask_for(self, kid: str) -> None:
        """Renew for the sake of one key id, unless that was tried lately."""
        if self._renewal is None and self._usable() and not self._may_ask_for(kid):
            return
        if renewal := self._renew_if_allowed(kid):
            # Shielded: the caller may leave, others wait for the same renewal.
            await asyncio.shield(renewal)

    def _may_ask_for(self, kid: str) -> bool:
        lately = self._policy.unknown_kid
        self._absent = {k: at for k, at in self._absent.items() if self._is_within(lately, at)}
        used_up = len(self._asked_at) == self._asked_at.maxlen
        return kid not in self._absent and not (used_up and self._is_within(60, self._asked_at[0]))

    def _renew_if_allowed(self, kid: str | None = None) -> asyncio.Task[None] | None:
        """The renewal under way, or a new one; None during the pause after a failure."""
        if self._renewal is not None:
            return self._renewal
        if self._failed_at is not None and self._is_within(self._policy.retry, self._failed_at):
            return None
        self._renewal = asyncio.create_task(self._renew(kid), name="renew issuer keys")
        return self._renewal

    async def _renew(self, kid: str | None) -> None:
        """Ask once. What was learned about `kid` is noted here, because its caller may be gone."""
        started_at = self._clock()
        try:
            async with asyncio.timeout(self._policy.timeout):
                self._keys = await self._documents.fetch_keys()
        except (httpx.HTTPError, httpx.InvalidURL, UnusableReply, TimeoutError) as error:
            self._failed_at = self._clock()
            reason = str(error) or type(error).__name__
            _log.warning("Keys of %s could not be fetched: %s", self._documents.issuer, reason)
        else:
            self._fetched_at, self._failed_at = started_at, None
            if kid is not None:
                self._asked_at.append(started_at)
                if kid not in self._keys:
                    self._absent[kid] = started_at
        finally:
            self._renewal = None

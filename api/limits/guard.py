"""The judge of rates: counts a request against its user and its address, and may refuse it."""

from collections.abc import Sequence
from hashlib import blake2b

from starlette.types import Scope

from api.limits.addresses import network_of
from api.limits.classes import RateClass
from api.limits.headers import rate_headers, tell
from rekindle.errors import RateLimited
from rekindle.ports.identity import Principal
from rekindle.ports.rates import Rate, RateCounters
from rekindle.rules.identity import may_operate
from rekindle.settings import Settings
from rekindle.wiring.rates import rates

_LONGEST_KEY = 64


class RateLimits:
    """Counts requests. An API key counts as its user, whose other keys and tokens do too.

    Counters see no address and no name, only keyed hashes of them.
    """

    def __init__(self, settings: Settings, counters: RateCounters) -> None:
        """Judge by these settings. Raises `SettingsInvalid`."""
        self._rates = rates(settings)
        self._counters = counters
        secret = settings.secret_key.get_secret_value().encode()
        self._secret = blake2b(secret, digest_size=_LONGEST_KEY).digest()
        self._address_factor = settings.rate_limit_address_factor
        self._operator_factor = settings.rate_limit_operator_factor

    async def admit(self, kind: RateClass, scope: Scope) -> None:
        """Count a request against its address, before anybody looks at its token.

        Raises:
            RateLimited: too many came from there, or too many tokens from there were refused.
        """
        network = network_of(scope)
        if network is None:
            return
        for rate in self._rates[RateClass.REFUSALS]:
            key = self._key(RateClass.REFUSALS, network)
            used = await self._counters.used(rate, key)
            if used >= rate.quota:
                await self._refuse(scope, RateClass.REFUSALS, rate, key, used)
        of_address = _times(self._rates[kind], self._address_factor)
        await self._count(scope, f"{kind}-address", of_address, self._key(kind, network))

    async def note_refusal(self, scope: Scope) -> None:
        """Count a token that was refused against the address it came from."""
        network = network_of(scope)
        if network is not None:
            for rate in self._rates[RateClass.REFUSALS]:
                await self._counters.use(rate, self._key(RateClass.REFUSALS, network))

    async def spend(self, kind: RateClass, principal: Principal, scope: Scope) -> None:
        """Count a request against its user; the answer will tell what is left.

        Raises:
            RateLimited: the user has asked too often.
        """
        factor = self._operator_factor if may_operate(principal.scopes) else 1
        of_user = _times(self._rates[kind], factor)
        key = self._key(kind, principal.issuer, principal.subject)
        used = await self._count(scope, kind, of_user, key)
        if of_user:
            tell(scope, rate_headers(kind, of_user, used))

    async def _count(self, scope: Scope, name: str, rates: Sequence[Rate], key: str) -> list[int]:
        counts = []
        for rate in rates:
            used = await self._counters.use(rate, key)
            if used > rate.quota:
                await self._refuse(scope, name, rate, key, used)
            counts.append(used)
        return counts

    async def _refuse(self, scope: Scope, name: str, rate: Rate, key: str, used: int) -> None:
        left = await self._counters.seconds_left(rate, key)
        tell(scope, rate_headers(name, [rate], [used], seconds_left=left))
        raise RateLimited(
            f"{name}: {used} of {rate.quota} in {rate.seconds} s", retry_after=max(left, 1.0)
        )

    def _key(self, *parts: str) -> str:
        whole = "\x00".join(parts).encode()
        return blake2b(whole, key=self._secret, digest_size=16).hexdigest()


def _times(rates: Sequence[Rate], factor: int) -> Sequence[Rate]:
    """No rates at all when the factor is 0."""
    if factor == 1:
        return rates
    return tuple(rate.times(factor) for rate in rates) if factor else ()

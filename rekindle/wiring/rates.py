"""Rate limits as the settings have them, and who counts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from rekindle.adapters.rates import LocalCounters, rates_of, shared_counters, shared_storage
from rekindle.ports.rates import Rate, RateCounters
from rekindle.settings import Settings

_PREFIX = "rate_limit_"
_CLASSES = ("uploads", "commands", "checkouts", "reads", "refusals")

Rates = Mapping[str, tuple[Rate, ...]]
"""By the class of requests that they are for; none where there is no limit."""


def rates(settings: Settings) -> Rates:
    """The rates of every class of requests.

    Raises:
        SettingsInvalid: one of them, or the address of the shared store, makes no sense.
    """
    if settings.rate_limit_storage_url is not None:
        shared_storage(settings.rate_limit_storage_url.get_secret_value())
    return {
        name: rates_of(f"{_PREFIX}{name}".upper(), getattr(settings, f"{_PREFIX}{name}"))
        for name in _CLASSES
    }


@asynccontextmanager
async def open_counters(settings: Settings) -> AsyncIterator[RateCounters]:
    """Who counts: this process, or the store that RATE_LIMIT_STORAGE_URL names."""
    if settings.rate_limit_storage_url is None:
        yield LocalCounters()
        return
    async with shared_counters(settings.rate_limit_storage_url.get_secret_value()) as counters:
        yield counters

"""What a check finds, and how checks are run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    GOOD = "good"
    WARNING = "warning"
    """It works, but probably not as meant."""
    MISSING = "missing"
    """Rekindle cannot work like this."""


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        subject: the thing.
        found: what there is: a version, an address, a reason.
        mend: what to do about it; empty when nothing is to be done.
    """

    subject: str
    verdict: Verdict
    found: str
    mend: str = ""


def good(subject: str, found: str) -> Finding:
    """All is well."""
    return Finding(subject, Verdict.GOOD, found)


def warning(subject: str, found: str, mend: str) -> Finding:
    """It works, but probably not as meant."""
    return Finding(subject, Verdict.WARNING, found, mend)


def missing(subject: str, found: str, mend: str) -> Finding:
    """Rekindle cannot work like this."""
    return Finding(subject, Verdict.MISSING, found, mend)


@dataclass(frozen=True)
class Check:
    """One question, asked when `run` is called.

    Attributes:
        mend: what to do when there is no answer in time.
    """

    subject: str
    run: Callable[[], Awaitable[Sequence[Finding]]]
    mend: str


async def examine(checks: Sequence[Check], *, timeout: float) -> list[Finding]:
    """What all checks find, in their order. Never raises.

    Args:
        checks: they run side by side.
        timeout: who has not answered by then counts as missing, seconds.
    """
    found = await asyncio.gather(*(_bounded(check, timeout) for check in checks))
    return [finding for findings in found for finding in findings]


async def _bounded(check: Check, timeout: float) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(timeout):
            return await check.run()
    except TimeoutError:
        return [missing(check.subject, f"no answer within {timeout:g} s", check.mend)]
    except Exception as error:
        # Its text is not shown: nobody has made sure that it holds no secret.
        return [missing(check.subject, f"the check broke: {type(error).__name__}", check.mend)]

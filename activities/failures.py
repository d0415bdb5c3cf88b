"""Errors of ours as failures of Temporal's, in one place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from rekindle.contracts.failures import to_failure
from rekindle.contracts.payload import Payload
from rekindle.errors import RekindleError

_LOG = structlog.get_logger(__name__)


@contextmanager
def as_failures(details: Callable[[], Payload | None] = lambda: None) -> Iterator[None]:
    """Turn errors of ours into Temporal failures whose type is the error's code.

    What a vendor said goes to the log alone: histories are read by more people, and kept.

    Args:
        details: asked when it happens; what the workflow may need to go on.
    """
    try:
        yield
    except RekindleError as error:
        _LOG.info("activity_failed", code=error.code, why=str(error), exc_info=error.__cause__)
        found = details()
        raise to_failure(error, *([found] if found is not None else [])) from None

"""How an error crosses Temporal: its code is the failure's type, its text never holds a secret."""

from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from rekindle.contracts.payload import Payload
from rekindle.errors import CapacityError, CloudUnavailable, RekindleError, error_for


def to_failure(
    error: RekindleError, *details: Payload, retryable: bool | None = None
) -> ApplicationError:
    """The Temporal failure that carries an error of ours.

    Whoever said how long to wait is not asked before: the next try comes after that time.

    Args:
        error: becomes the failure's type (its code) and message (its public sentence).
        details: what a caller may need to go on, for example the last heartbeat.
        retryable: whether Temporal's retry policy applies; by default what the error says.
    """
    benign = isinstance(error, CapacityError)
    wait = error.retry_after if isinstance(error, CloudUnavailable) else None
    return ApplicationError(
        error.public_detail,
        *details,
        type=error.code,
        non_retryable=not (error.retryable if retryable is None else retryable),
        next_retry_delay=timedelta(seconds=wait) if wait else None,
        category=(
            ApplicationErrorCategory.BENIGN if benign else ApplicationErrorCategory.UNSPECIFIED
        ),
    )


def from_failure(failure: ApplicationError) -> RekindleError:
    """The error of ours that a failure carries; `PlatformError` for a foreign one."""
    return error_for(failure.type or "", failure.message)

"""How much one user may have under way; the counts come from `rekindle.store.standings`.

Requests that come at the very same moment may each be let in by the same count: the bounds hold
but for as many as one user sends at once, which the rates bound.
"""

from rekindle.errors import TooManyOpenAttempts, TooManyOpenOrders, UploadQuotaExceeded
from rekindle.settings import Settings
from rekindle.store.standings import AttemptToSell, Standing

_ORDERS_RETRY_SECONDS = 60.0


class Quotas:
    """Judges counts by the settings; 0 is no limit."""

    def __init__(self, settings: Settings) -> None:
        """Judge by these."""
        self._open_attempts = settings.max_open_attempts
        self._open_orders = settings.max_open_orders
        self._bytes_of_day = settings.upload_quota_mb_per_day << 20
        self._jobs_of_day = settings.upload_quota_jobs_per_day

    @property
    def limits_uploads(self) -> bool:
        """Whether there is anything to count of uploads."""
        return bool(self._bytes_of_day or self._jobs_of_day)

    def require_upload(self, standing: Standing, size_bytes: int) -> None:
        """Refuse another photo of this size.

        Raises:
            UploadQuotaExceeded: it would be more than a day's.
        """
        used = standing.bytes_of_day + size_bytes
        is_too_much = self._bytes_of_day and used > self._bytes_of_day
        if is_too_much or (self._jobs_of_day and standing.jobs_of_day >= self._jobs_of_day):
            raise UploadQuotaExceeded(
                f"{used} bytes, {standing.jobs_of_day} jobs in 24 hours",
                retry_after=max(standing.seconds_left, 1.0),
            )

    def require_attempt(self, open_attempts: int) -> None:
        """Refuse another attempt.

        Raises:
            TooManyOpenAttempts: so many have not ended.
        """
        if self._open_attempts and open_attempts >= self._open_attempts:
            raise TooManyOpenAttempts(f"{open_attempts} unfinished attempts")

    def require_order(self, wanted: AttemptToSell) -> None:
        """Refuse another order; one that is there already may be paid.

        Raises:
            TooManyOpenOrders: so many have not been paid.
        """
        if not wanted.has_open_order:
            self.require_orders(wanted.unpaid_orders)

    def require_orders(self, unpaid: int) -> None:
        """Refuse another order.

        Raises:
            TooManyOpenOrders: so many have not been paid.
        """
        if self._open_orders and unpaid >= self._open_orders:
            raise TooManyOpenOrders(f"{unpaid} unpaid orders", retry_after=_ORDERS_RETRY_SECONDS)

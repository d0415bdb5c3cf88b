"""The route of the bill."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.common.clock import Clock
from simulators.runpod.cloud.billing import SIZES, Window, bill, last_buckets, totals, window
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.cloud.ledger import Ledger
from simulators.runpod.moments import rfc3339, unix_seconds
from simulators.runpod.problem import Problem
from simulators.runpod.wire.bodies import one_of, whole_number
from simulators.runpod.wire.caller import Doorkeeper, caller_of

_DEFAULT_SECONDS = 30 * 86_400
_MOST_BUCKETS = 10_000


class BillingRoutes:
    """Handlers over the ledger."""

    def __init__(
        self, ledger: Ledger, doorkeeper: Doorkeeper, faults: FaultInjector, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._doorkeeper = doorkeeper
        self._faults = faults
        self._clock = clock

    async def pods(self, request: Request) -> Response:
        """Costs of pods by bucket of time."""
        self._doorkeeper.check_account(caller_of(request), is_writing=False)
        when = self._window(request)
        pod_id = request.query_params.get("podId")
        accounts = [a for a in self._ledger.accounts.values() if pod_id in (None, a.id)]
        lag = self._faults.of_bill()
        until = self._clock.now() - (0.0 if lag is None else lag.seconds or 0.0)
        records = bill(accounts, when, until)
        query = {
            "startTime": rfc3339(when.start),
            "endTime": rfc3339(when.end),
            "bucketSize": when.size,
            "podId": pod_id,
        }
        metadata = {
            "query": query,
            "recordCount": len(records),
            "uniquePodCount": len({record["podId"] for record in records}),
            "totals": totals(records),
        }
        return JSONResponse({"records": records, "metadata": metadata})

    def _window(self, request: Request) -> Window:
        asked, now = request.query_params, self._clock.now()
        size = one_of("bucketSize", asked.get("bucketSize", "day"), SIZES)
        if "lastN" in asked:
            if "startTime" in asked or "endTime" in asked:
                raise Problem(400, "lastN and startTime/endTime are mutually exclusive")
            count = whole_number(request, "lastN", 1, 1, _MOST_BUCKETS)
            return last_buckets(now, size, count)
        start = _moment(asked.get("startTime"), "startTime", now - _DEFAULT_SECONDS)
        end = _moment(asked.get("endTime"), "endTime", now)
        try:
            return window(size, start, end)
        except ValueError as error:
            raise Problem(400, str(error)) from None


def _moment(text: str | None, name: str, default: float) -> float:
    if text is None:
        return default
    try:
        return unix_seconds(text)
    except ValueError:
        error = f"query.{name}: '{text}' is not valid date-time"
        raise Problem(422, "Request validation failed.", [error]) from None

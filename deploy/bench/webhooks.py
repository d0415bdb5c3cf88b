"""How long a webhook takes, beside a bare route that verifies and inserts."""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from api import paths
from deploy.bench.bare_webhooks import PATH, BareRoute
from deploy.bench.figures import Distribution
from deploy.bench.limits import unlimited
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.senders import Target, send_events, stripe_event
from deploy.embedded.ports import free_port
from deploy.embedded.service import running
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack

_AT_ONCE = 50
_EVENTS = 1500
_OF_AN_ORDER = 5
"""Events that Stripe sends of one payment."""
_WARM_UP = 300
_ROUNDS = 3


@dataclass(frozen=True)
class WebhookReadings:
    """Seconds of each webhook, by turns.

    Attributes:
        at_once: how many were under way at any time.
        bare: of the bare route, the rounds before each of ours and a last one.
        ours: of our route.
    """

    at_once: int
    bare: list[list[float]]
    ours: list[list[float]]

    def rows(self) -> list[Measure]:
        """As measures: the time, and how many times that of the bare route it is."""
        ours = Distribution.of([1000 * each for turn in self.ours for each in turn])
        medians = [Distribution.of([1000 * each for each in turn]).p50 for turn in self.bare]
        half = len(medians) // 2
        before, again = (sum(part) / len(part) for part in (medians[:half], medians[half:]))
        bare = Baseline("bare route", before, again)
        ratio = ours.p50 / bare.mean
        return [
            Measure(
                "webhook_time",
                f"webhook answered, {self.at_once} at once",
                ours.p50,
                "ms",
                ours.count,
                baseline=bare,
                distribution=ours,
                note="verified, stored, its order woken afterwards",
            ),
            Measure(
                "webhook",
                "webhook: median over that of a bare route",
                ratio,
                "times",
                ours.count,
                Limit.fixed("webhook", doubt=ratio * bare.spread / bare.mean / 2),
                Baseline("bare route", before, again, unit="ms"),
            ),
        ]


async def measure_webhooks(folder: Path) -> list[Measure]:
    """Send events to the bare route and to ours by turns, over the same Postgres."""
    with running_stack(folder / "stack", settings=unlimited()) as stack:
        stack.worker.stop()  # orders that nobody made would keep it busy
        secret = _secret(stack)
        bare = BareRoute(
            folder / "bare",
            port=free_port(),
            database_url=stack.addresses.database,
            secret=secret,
        )
        with running(bare):
            targets = (
                Target(f"{bare.url}{PATH}", secret),
                Target(f"{stack.addresses.api}{paths.STRIPE_WEBHOOK}", secret),
            )
            for target in targets:
                await _turn(target, _WARM_UP)
            plain, ours = targets
            readings = WebhookReadings(_AT_ONCE, [], [])
            for _ in range(_ROUNDS):
                readings.bare.append(await _turn(plain, _EVENTS))
                readings.ours.append(await _turn(ours, _EVENTS))
            readings.bare.append(await _turn(plain, _EVENTS))
    return readings.rows()


async def _turn(target: Target, count: int) -> list[float]:
    order_ids = [uuid4() for _ in range(-(-count // _OF_AN_ORDER))]
    bodies = [stripe_event(order_ids[number // _OF_AN_ORDER]) for number in range(count)]
    return await send_events(target, bodies, at_once=_AT_ONCE)


def _secret(stack: Stack) -> str:
    secret = stack.settings.stripe_webhook_secret
    if secret is None:
        raise RuntimeError("the stack has no account to take webhooks for")
    return secret.get_secret_value()

"""Whether the parts that the API depends on answer, asked gently."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from api.documents.health import DependencyHealth, Health, HealthStatus
from rekindle.errors import PlatformError, RekindleError
from rekindle.store import pods
from rekindle.wiring.api import ApiPorts

_LOG = structlog.get_logger(__name__)

PATIENCE_SECONDS = 2.0

_ESSENTIAL = frozenset({"database", "storage", "workflows"})
"""Without one of these no photo can be taken in."""


@dataclass(frozen=True)
class _Finding:
    up: bool
    milliseconds: float
    code: str | None = None


class HealthChecks:
    """Checks of all dependencies, side by side.

    At most one check of a dependency is under way, however many ask: a part that hangs is not asked
    again until the first question has ended, so that health checks cannot use up its connections or
    our threads.
    """

    def __init__(
        self, ports: ApiPorts, *, version: str, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Check these ports.

        Args:
            version: of this service, as it is reported.
            patience_seconds: who has not answered by then counts as away.
        """
        self._version = version
        self._patience_seconds = patience_seconds
        self._database = ports.database
        self._gpu_available = False
        self._checks: dict[str, Callable[[], Awaitable[None]]] = {
            "database": self._check_database,
            "storage": ports.objects.check,
            "workflows": ports.jobs.check,
            "sign_in": ports.tokens.check,
        }
        self._running: dict[str, asyncio.Task[_Finding]] = {}

    async def look(self) -> Health:
        """The present state; takes no longer than the patience. Never raises."""
        running = {name: self._task(name) for name in self._checks}
        await asyncio.wait(running.values(), timeout=self._patience_seconds)
        return self._health({name: self._finding(task) for name, task in running.items()})

    async def aclose(self) -> None:
        """Stop asking."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _task(self, name: str) -> asyncio.Task[_Finding]:
        running = self._running.get(name)
        if running is None or running.done():
            running = asyncio.create_task(_ask(name, self._checks[name]), name=f"check {name}")
            self._running[name] = running
        return running

    def _finding(self, task: asyncio.Task[_Finding]) -> _Finding:
        if task.done():
            return task.result()
        return _Finding(up=False, milliseconds=self._patience_seconds * 1000, code="timeout")

    async def _check_database(self) -> None:
        async with self._database.transaction() as session:
            self._gpu_available = await pods.any_ready(session)

    def _health(self, findings: dict[str, _Finding]) -> Health:
        away = {name for name, finding in findings.items() if not finding.up}
        status = HealthStatus.DEGRADED if away else HealthStatus.HEALTHY
        if away & _ESSENTIAL:
            status = HealthStatus.UNHEALTHY
        return Health(
            status=status,
            gpu_available=self._gpu_available and "database" not in away,
            version=self._version,
            dependencies={
                name: DependencyHealth(
                    status="up" if finding.up else "down",
                    milliseconds=round(finding.milliseconds, 1),
                    code=finding.code,
                )
                for name, finding in findings.items()
            },
        )


async def _ask(name: str, check: Callable[[], Awaitable[None]]) -> _Finding:
    started_at = time.perf_counter()
    code = None
    try:
        await check()
    except RekindleError as error:
        code = error.code
        _LOG.warning("dependency away", dependency=name, code=code, why=str(error))
    except Exception:
        code = PlatformError.code
        _LOG.exception("health check failed", dependency=name)
    return _Finding(code is None, (time.perf_counter() - started_at) * 1000, code)

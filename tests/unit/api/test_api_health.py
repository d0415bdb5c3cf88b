"""Health: honest, quick and gentle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.health import HealthChecks
from rekindle.errors import (
    DatabaseUnavailable,
    IssuerUnavailable,
    StorageUnavailable,
    WorkflowsUnavailable,
)
from rekindle.wiring.api import ApiPorts

SECRET = "connection to 10.0.0.7 refused for user hunter2"  # pragma: allowlist secret


class Answer:
    """What `any_ready` asks the session."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def scalar_one_or_none(self) -> str | None:
        return self._value


class Rows:
    """A database that answers one question: which pod is ready."""

    def __init__(self, ready_pod: str | None) -> None:
        self._ready_pod = ready_pod

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        yield self

    async def execute(self, _statement: Any) -> Answer:
        return Answer(self._ready_pod)


class Part:
    """A dependency that is up, away, or hangs."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked = 0
        self.hangs = False

    async def check(self) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure:
            raise self.failure


class Away:
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        raise DatabaseUnavailable(SECRET)
        yield


def ports(**changed: Any) -> ApiPorts:
    parts: dict[str, Any] = {
        "database": Rows("pod"),
        "objects": Part(),
        "photos": None,
        "tokens": Part(),
        "jobs": Part(),
        "orders": None,
        "payments": None,
        "deletions": None,
    }
    return ApiPorts(**{**parts, **changed})


async def look(**changed: Any) -> dict[str, Any]:
    checks = HealthChecks(ports(**changed), version="1.2.3", patience_seconds=0.02)
    health = await checks.look()
    await checks.aclose()
    return health.model_dump(mode="json")


async def test_all_is_well() -> None:
    health = await look()
    assert health["status"] == "healthy"
    assert health["gpu_available"] is True
    assert health["version"] == "1.2.3"
    assert {n: d["status"] for n, d in health["dependencies"].items()} == dict.fromkeys(
        ("database", "storage", "workflows", "sign_in"), "up"
    )


async def test_no_ready_pod_is_no_illness() -> None:
    """Pods are returned when there is nothing to do."""
    health = await look(database=Rows(None))
    assert (health["status"], health["gpu_available"]) == ("healthy", False)


@pytest.mark.parametrize(
    ("changed", "name", "status", "code"),
    [
        ({"database": Away()}, "database", "unhealthy", "database_unavailable"),
        ({"objects": Part(StorageUnavailable(SECRET))}, "storage", "unhealthy", None),
        ({"jobs": Part(WorkflowsUnavailable(SECRET))}, "workflows", "unhealthy", None),
        ({"tokens": Part(IssuerUnavailable(SECRET))}, "sign_in", "degraded", None),
        ({"jobs": Part(ValueError(SECRET))}, "workflows", "unhealthy", "platform_error"),
    ],
)
async def test_a_part_that_is_away_is_named_without_telling_where_it_is(
    changed: dict[str, Any], name: str, status: str, code: str | None
) -> None:
    health = await look(**changed)
    assert health["status"] == status
    assert health["dependencies"][name]["status"] == "down"
    assert health["dependencies"][name]["code"] == code or code is None
    assert "10.0.0.7" not in str(health)


async def test_a_part_that_hangs_is_not_waited_for_nor_asked_again() -> None:
    storage, sign_in = Part(), Part()
    storage.hangs = True
    checks = HealthChecks(
        ports(objects=storage, tokens=sign_in), version="1", patience_seconds=0.02
    )
    answers = await asyncio.gather(*(checks.look() for _ in range(5)), checks.look())
    assert {answer.status for answer in answers} == {"unhealthy"}
    assert answers[0].dependencies["storage"].code == "timeout"
    await checks.look()
    assert storage.asked == 1
    assert sign_in.asked == 2
    await checks.aclose()


async def test_a_part_that_came_back_is_up_again() -> None:
    storage = Part(StorageUnavailable())
    checks = HealthChecks(ports(objects=storage), version="1")
    assert (await checks.look()).status == "unhealthy"
    storage.failure = None
    assert (await checks.look()).status == "healthy"
    await checks.aclose()


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
async def test_health_is_200_whatever_it_says_and_needs_no_token(
    path: str, stranger: httpx.AsyncClient
) -> None:
    """Nobody listens where these tests look for a database."""
    reply = await stranger.get(path)
    assert reply.status_code == 200
    assert reply.json()["status"] == "unhealthy"
    assert reply.headers["cache-control"] == "no-store"


async def test_readiness_is_503_while_a_needed_part_is_away(stranger: httpx.AsyncClient) -> None:
    reply = await stranger.get("/health/ready")
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "5"
    assert reply.json()["dependencies"]["database"]["status"] == "down"


async def test_readiness_is_200_without_sign_in(world: Any, stranger: httpx.AsyncClient) -> None:
    """People who hold a token can go on: keys are cached."""
    world.database.transaction = Rows("pod").transaction
    world.tokens.failure = IssuerUnavailable()
    reply = await stranger.get("/health/ready")
    assert (reply.status_code, reply.json()["status"]) == (200, "degraded")

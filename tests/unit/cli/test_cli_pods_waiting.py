"""Waiting for a pod: what counts as ready, and what is not waited for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest

from deploy.cli.failures import CloudSaysNo
from deploy.cli.pods.waiting import STEPS, Goal, Pace, wait_until_ready
from rekindle.errors import CloudUnavailable
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod, GpuCloud

HASTY = Pace(looks=(0.01,), health_seconds=0.01, lag_seconds=60.0)
PATIENT = 60.0
NEW = CloudPod(
    cloud_id="p1",
    name="mine",
    phase=CloudPhase.PROVISIONING,
    gpu_type="G",
    data_center=None,
    has_runtime=False,
    usd_per_hour=Decimal("0.44"),
    created_at=datetime(2026, 6, 1, tzinfo=UTC),
    started_at=None,
)
RUNNING = replace(NEW, phase=CloudPhase.RUNNING)
READY = replace(RUNNING, has_runtime=True)

Told = CloudPod | Exception | None


class Account:
    """Tells of one pod what was written down; the last again and again."""

    def __init__(self, *told: Told) -> None:
        self.told = list(told)

    async def get(self, cloud_id: str) -> CloudPod | None:
        assert cloud_id == "p1"
        now = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(now, Exception):
            raise now
        return now


@dataclass
class Agent:
    """Answers with these statuses in turn; the last again and again."""

    url: str
    statuses: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split("\r\n")[0])
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        lines = (f"HTTP/1.1 {status} x", "Location: /", "Content-Length: 0", "Connection: close")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        writer.close()


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent("")
    server = await asyncio.start_server(agent.serve, "127.0.0.1", 0)
    agent.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health"
    yield agent
    server.close()
    await server.wait_closed()


async def wait(
    told: Sequence[Told],
    *,
    health: str | None = None,
    timeout: float = PATIENT,
    known: CloudPod | None = None,
    pace: Pace = HASTY,
) -> CloudPod:
    cloud = cast(GpuCloud, Account(*told))
    return await wait_until_ready(cloud, Goal("p1", health, timeout), known=known, pace=pace)


async def test_running_is_not_ready_before_the_container_reports() -> None:
    stages = [NEW, replace(NEW, phase=CloudPhase.STARTING), RUNNING, RUNNING, READY]
    assert await wait(stages) == READY


async def test_the_proxys_errors_are_waited_out_until_the_agent_answers(agent: Agent) -> None:
    agent.statuses = [404, 502, 524, 307, 503, 200]
    assert await wait([READY], health=agent.url) == READY
    assert agent.asked == ["GET /health HTTP/1.1"] * 6  # the redirect was not followed


async def test_a_pod_that_answers_nothing_is_not_ready_and_says_what_it_costs(
    agent: Agent,
) -> None:
    agent.statuses = [502]
    with pytest.raises(CloudSaysNo) as late:
        await wait([READY], health=agent.url, timeout=0.3)
    assert late.value.code == "pod_not_ready"
    assert "RUNNING" in str(late.value)
    assert "HTTP 502" in str(late.value)
    assert "$0.44 an hour" in str(late.value)
    assert "rekindle pods terminate p1" in str(late.value)


@pytest.mark.parametrize("phase", [CloudPhase.EXITED, CloudPhase.ERROR, CloudPhase.TERMINATED])
async def test_a_pod_that_ended_is_not_waited_for(phase: CloudPhase) -> None:
    with pytest.raises(CloudSaysNo) as ended:
        await wait([NEW, replace(NEW, phase=phase)])
    assert (ended.value.code, phase.value in str(ended.value)) == ("pod_ended", True)


async def test_a_new_pod_may_be_unknown_for_a_while() -> None:
    assert await wait([None, None, READY], known=NEW) == READY


async def test_a_new_pod_that_stays_unknown_is_not_there() -> None:
    with pytest.raises(CloudSaysNo) as gone:
        await wait([None], known=NEW, pace=replace(HASTY, lag_seconds=0.05))
    assert gone.value.code == "pod_not_found"


async def test_a_pod_that_was_known_and_vanishes_is_gone_at_once() -> None:
    with pytest.raises(CloudSaysNo) as gone:
        await wait([NEW, None], known=NEW)
    assert gone.value.code == "pod_not_found"


async def test_a_cloud_that_is_busy_meanwhile_is_asked_again_when_it_says() -> None:
    busy = CloudUnavailable("429", retry_after=0.02)
    assert await wait([NEW, busy, CloudUnavailable("502"), READY]) == READY


async def test_a_cloud_that_never_answers_is_told_as_such() -> None:
    with pytest.raises(CloudUnavailable, match="502"):
        await wait([CloudUnavailable("502")], timeout=0.2)


async def test_the_bar_ends_at_ready(capfd: pytest.CaptureFixture[str]) -> None:
    await wait([NEW, RUNNING, READY])
    assert STEPS[-1] in capfd.readouterr().err

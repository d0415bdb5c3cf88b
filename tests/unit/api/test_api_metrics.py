"""What Prometheus is told, and who may ask."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from api.app import create_app
from tests.unit.api.conftest import MakeSettings, Serve, World

TOKEN = "the-token-of-prometheus"


@pytest.fixture
async def measured(
    world: World, make_settings: MakeSettings, serve: Serve
) -> AsyncIterator[httpx.AsyncClient]:
    """An API with metrics; whoever asks is Prometheus."""
    app = create_app(make_settings(metrics_token=SecretStr(TOKEN)), open_ports=world.open)
    async with serve(app) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield client


async def test_requests_are_counted_by_route_and_status(measured: httpx.AsyncClient) -> None:
    await measured.get("/health")
    await measured.get("/health")
    await measured.get("/api/v1/jobs/7c9e6679-7425-40de-944b-e07fc1f90ae7")
    told = (await measured.get("/metrics")).text
    assert 'rekindle_http_requests_total{method="GET",route="/health",status="200"} 2.0' in told
    assert 'route="/api/v1/jobs/{job_id}",status="401"} 1.0' in told
    assert 'rekindle_http_answer_seconds_count{method="GET",route="/health"} 2.0' in told
    assert "7c9e6679" not in told


async def test_parts_of_the_process_are_told(measured: httpx.AsyncClient) -> None:
    told = (await measured.get("/metrics")).text
    for line in ("rekindle_event_streams 0.0", "rekindle_database_connections 0.0"):
        assert line in told
    assert "process_resident_memory_bytes" in told


async def test_paths_and_methods_that_nobody_knows_make_no_names_of_their_own(
    measured: httpx.AsyncClient,
) -> None:
    for number in range(3):
        await measured.request(f"BREW{number}", f"/teapots/{number}")
    told = (await measured.get("/metrics")).text
    assert 'rekindle_http_requests_total{method="other",route="none",status="404"} 3.0' in told


@pytest.mark.parametrize("given", [None, "Bearer ", "Bearer alice", f"Basic {TOKEN}"])
async def test_others_are_refused(measured: httpx.AsyncClient, given: str | None) -> None:
    del measured.headers["Authorization"]
    reply = await measured.get("/metrics", headers={"Authorization": given} if given else {})
    assert reply.status_code == 401


async def test_without_a_token_in_the_settings_there_are_none(http: httpx.AsyncClient) -> None:
    assert (await http.get("/metrics")).status_code == 404

"""What a rented pod is told, and what not."""

from typing import Any

import httpx
import pytest

from rekindle.contracts.statuses import GpuClass
from worker.host import WorkerHost

TOLD = {"REKINDLE_POD_TOKEN", "DEAD_MAN_SECONDS"}


@pytest.mark.parametrize(
    ("rented", "further"),
    [({}, {}), ({"models_path": "/workspace/ours"}, {"MODELS_PATH": "/workspace/ours"})],
    indirect=["rented"],
    ids=["as usual", "with a folder of models"],
)
async def test_a_pod_is_told_its_own_token_and_how_to_run_and_nothing_else(
    host: WorkerHost, fleet: Any, cloud: Any, further: dict[str, str]
) -> None:
    await fleet.owners.start(GpuClass.IMAGE, 0)
    await fleet.until_ready()
    [pod] = fleet.alive()
    key = {"Authorization": f"Bearer {cloud.key}"}
    async with httpx.AsyncClient() as http:
        told = await http.get(f"{cloud.url}/v2/pods/{pod['id']}", headers=key)
    variables = told.raise_for_status().json()["env"]

    assert variables.keys() == TOLD | further.keys()
    assert variables.items() >= further.items()
    await fleet.ends()

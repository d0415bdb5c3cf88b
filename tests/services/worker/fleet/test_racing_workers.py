"""Two worker processes of one deployment, which know nothing of each other."""

import asyncio
from typing import Any

from rekindle.contracts.statuses import AttemptStatus, GpuClass

IMAGE = GpuClass.IMAGE


async def test_two_workers_rent_no_more_than_is_allowed_and_run_no_prompt_twice(
    fleet: Any, cloud: Any, customer: Any, renting_with: Any
) -> None:
    cloud.takes(0.5)
    terms = {"pod_idle_seconds": 3600.0}  # none is returned between two restores
    async with renting_with(**terms), renting_with(**terms):
        started = await asyncio.gather(*(fleet.owners.start(IMAGE, n % 3) for n in range(12)))
        asked = await asyncio.gather(*(customer.restores("restore_classic") for _ in range(8)))
        attempts = await asyncio.gather(*(customer.sees(attempt_id) for attempt_id in asked))
        await fleet.ends()

    assert sum(started) == 3
    assert {(a.status, a.try_number) for a in attempts} == {(AttemptStatus.SUCCEEDED, 1)}
    prompts = [prompt["prompt_id"] for prompt in fleet.prompts()]
    assert len(prompts) == len(set(prompts))
    assert len(await fleet.audited()) == 3


async def test_two_workers_that_launch_one_pod_at_once_keep_the_same_one(
    fleet: Any, cloud: Any, renting_with: Any
) -> None:
    """As when a worker that was thought dead wakes in the middle of a create."""
    cloud.does({"kind": "slow", "route": "POST /v2/pods", "seconds": 1.5, "count": 2})
    async with renting_with() as one, renting_with() as other:
        launched = await asyncio.gather(
            *(host.fleet.launcher.launch(IMAGE, 0) for host in (one, other))
        )
        (kept,) = fleet.alive()
        (row,) = await fleet.rows()

        assert launched[0] == launched[1]
        assert len(fleet.bill()) == 2
        assert row["cloud_id"] == kept["id"]
        assert await fleet.owners.start(IMAGE, 0)
        await fleet.until_ready()
        await fleet.ends()
    assert [pod["id"] for pod in fleet.bill() if pod["ended_by"] is None] == []

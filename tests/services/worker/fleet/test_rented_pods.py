"""The life of a rented pod, on a real worker, a real Temporal and the simulator's bill."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client

from rekindle.contracts.statuses import AttemptStatus, GpuClass
from worker.host import WorkerHost

IMAGE = GpuClass.IMAGE
CREATE, DELETE = "POST /v2/pods", "DELETE /v2/pods/*"


async def test_a_restore_rents_a_pod_that_is_returned_when_it_is_idle(
    host: WorkerHost, fleet: Any, customer: Any, cloud: Any
) -> None:
    attempt = await customer.sees(await customer.restores("restore_classic"))

    assert attempt.status == AttemptStatus.SUCCEEDED
    (pod,) = fleet.alive()
    assert attempt.pod_id == pod["name"] == f"rk-{fleet.settings.environment}-image-0-1"
    await fleet.an_hour_later()
    await fleet.until(lambda: fleet.scaled_in(pod["name"]))
    await fleet.until_nobody_owns()
    (row,) = await fleet.rows()
    assert (row["state"], row["end_reason"]) == ("terminated", "drained")
    assert "restore_classic" in row["graphs"]
    assert row["machine"] == pod["machine"]
    await fleet.audited()


async def test_the_token_of_a_pod_is_in_no_row_and_in_no_history(
    host: WorkerHost, fleet: Any, temporal: Client
) -> None:
    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()
    door = await host.ports.door.comfy(f"rk-{fleet.settings.environment}-image-0-1")
    token = door._headers["Authorization"].removeprefix("Bearer ")  # type: ignore[attr-defined]
    history = await temporal.get_workflow_handle("gpu-pod-image-0").fetch_history()

    assert len(token) == 64
    assert token not in str(await fleet.rows())
    assert token not in history.to_json()
    assert fleet.alive()[0]["id"] not in history.to_json()
    await fleet.ends()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_reply"},
        {"kind": "error_after"},
        {"kind": "reset"},
        {"kind": "rate_limited", "seconds": 1},
    ],
    ids=lambda fault: str(fault["kind"]),
)
async def test_a_create_that_was_not_answered_well_ends_in_one_pod(
    host: WorkerHost, fleet: Any, cloud: Any, fault: dict[str, Any]
) -> None:
    cloud.does({**fault, "route": CREATE})

    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()

    assert len(fleet.bill()) == 1
    await fleet.ends()
    await fleet.audited()


async def test_a_pod_that_the_listing_shows_late_is_not_rented_twice(
    host: WorkerHost, fleet: Any, cloud: Any
) -> None:
    cloud.does(
        {"kind": "listing_lag", "seconds": 3, "name": f"rk-{fleet.settings.environment}"},
        {"kind": "lost_reply", "route": CREATE},
    )

    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()

    assert len(fleet.bill()) == 1
    await fleet.ends()
    await fleet.audited()


async def test_a_pod_of_which_nobody_knew_when_its_owner_was_drained_is_returned_and_paid_for(
    host: WorkerHost, fleet: Any, cloud: Any
) -> None:
    cloud.does({"kind": "lost_reply", "route": CREATE})
    await fleet.owners.start(IMAGE, 0)
    await fleet.until(lambda: len(fleet.bill()) == 1)
    cloud.does({"kind": "server_error", "route": "GET /v2/pods", "count": None})
    await fleet.owners.drain(IMAGE, 0)
    await fleet.until(lambda: fleet.is_told("gpu-pod-image-0", "returning"))
    cloud.does()

    await fleet.until_nobody_owns()

    await fleet.audited()
    (row,) = await fleet.rows()
    assert row["cost_usd"] > 0


async def test_a_cloud_that_tells_what_was_some_time_ago_rents_one_pod_and_gets_it_back(
    host: WorkerHost, fleet: Any, cloud: Any
) -> None:
    """A pod that was just created is told of later, and one that is gone is RUNNING for a while."""
    prefix = f"rk-{fleet.settings.environment}"
    cloud.does(
        {"kind": "stale_status", "seconds": 2, "name": prefix},
        {"kind": "lost_reply", "route": CREATE},
    )

    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()
    await fleet.ends()

    assert len(await fleet.audited()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_reply", "route": DELETE},
        {"kind": "server_error", "route": DELETE},
        {"kind": "reset", "route": DELETE},
        {"kind": "terminate_lost"},
        {"kind": "rate_limited", "route": DELETE, "seconds": 1},
    ],
    ids=lambda fault: str(fault["kind"]),
)
async def test_a_pod_is_terminated_until_the_cloud_confirms_it(
    host: WorkerHost, fleet: Any, cloud: Any, fault: dict[str, Any]
) -> None:
    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()
    cloud.does(fault)

    await fleet.ends()

    assert len(await fleet.audited()) == 1


async def test_twenty_calls_at_once_rent_no_more_than_one_pod_each_number(
    host: WorkerHost, fleet: Any
) -> None:
    started = await asyncio.gather(*(fleet.owners.start(IMAGE, n % 3) for n in range(20)))

    assert sum(started) == 3
    await fleet.until_ready(3)
    assert len(fleet.bill()) == 3
    await fleet.ends()
    await fleet.audited()


async def test_a_gpu_type_that_is_sold_out_is_passed_over(
    host: WorkerHost, fleet: Any, cloud: Any
) -> None:
    cloud.does({"kind": "no_capacity", "count": 2})

    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()

    assert len(fleet.bill()) == 1
    await fleet.ends()


async def test_without_any_stock_nothing_is_rented_and_the_owner_says_so(
    host: WorkerHost, fleet: Any, cloud: Any, temporal: Client
) -> None:
    cloud.does({"kind": "no_capacity", "count": None})

    await fleet.owners.start(IMAGE, 0)
    await fleet.until_nobody_owns()

    assert fleet.bill() == []
    (row,) = await fleet.rows()
    assert (row["end_reason"], float(row["cost_usd"])) == ("not_rented", 0.0)


async def test_an_empty_account_ends_the_owner_without_a_second_try(
    host: WorkerHost, fleet: Any, cloud: Any
) -> None:
    cloud.does({"kind": "no_balance", "count": None})

    await fleet.owners.start(IMAGE, 0)
    await fleet.until_nobody_owns()

    assert fleet.bill() == []


async def test_while_nobody_can_say_what_a_pod_costs_an_attempt_waits_and_can_be_canceled(
    host: WorkerHost, fleet: Any, cloud: Any, customer: Any
) -> None:
    cloud.does({"kind": "server_error", "route": "GET /v2/catalog/gpus*", "count": None})
    attempt_id = await customer.restores("restore_classic")
    await fleet.until(lambda: cloud.has_done(1))

    await customer.commands.cancel(customer.job, attempt_id)

    assert (await customer.sees(attempt_id)).status == AttemptStatus.CANCELED
    assert fleet.bill() == []


@pytest.mark.parametrize("kind", ["never_ready", "host_too_old"])
async def test_a_pod_whose_container_never_starts_is_returned(
    fleet: Any, cloud: Any, renting_with: Any, kind: str
) -> None:
    cloud.does({"kind": kind})
    async with renting_with(pod_boot_seconds=2.0):
        await fleet.owners.start(IMAGE, 0)
        await fleet.until(lambda: bool(fleet.bill()) and not fleet.alive())
        await fleet.ends()

    (row,) = await fleet.rows()
    assert row["end_reason"] == "not_ready"
    await fleet.audited()


async def test_a_pod_that_dies_while_it_boots_is_given_up_at_once(
    host: WorkerHost, fleet: Any, cloud: Any
) -> None:
    cloud.does({"kind": "stuck_starting"})
    await fleet.owners.start(IMAGE, 0)
    await fleet.until(lambda: len(fleet.alive()) == 1)
    cloud.does({"kind": "dies", "when": "now"})

    await fleet.until(lambda: not fleet.alive())
    await fleet.ends()
    await fleet.audited()


async def test_a_pod_that_is_too_old_is_returned_although_it_is_wanted(
    fleet: Any, renting_with: Any
) -> None:
    """Its age counts from when it was asked for; here it is over when the pod begins to serve."""
    async with renting_with(pod_age_seconds=0.5, image_pods_min=1):
        await fleet.owners.start(IMAGE, 0)
        await fleet.until(lambda: bool(fleet.bill()))
        await fleet.until_nobody_owns()

    (row,) = await fleet.rows()
    assert row["end_reason"] == "aged"
    assert row["ready_at"] is not None
    await fleet.audited()


async def test_when_a_pod_dies_in_mid_prompt_its_attempt_moves_to_another(
    fleet: Any, cloud: Any, customer: Any, renting_with: Any
) -> None:
    async with renting_with(pod_away_seconds=1.0, pod_idle_seconds=3600.0):
        await fleet.owners.start(IMAGE, 0)
        await fleet.until_ready()
        cloud.takes(600.0)
        attempt_id = await customer.restores("restore_classic")
        await fleet.until(lambda: len(fleet.prompts()) == 2)  # after its warm-up
        cloud.takes(0.2)
        cloud.does({"kind": "dies", "when": "now", "name": f"rk-{fleet.settings.environment}"})
        attempt = await customer.sees(attempt_id)
        await fleet.ends()

    assert attempt.status == AttemptStatus.SUCCEEDED
    assert attempt.try_number == 2
    first, second = await fleet.audited()
    assert attempt.pod_id == second["name"]
    assert second["machine"] != first["machine"]

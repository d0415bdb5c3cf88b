"""Scaling, reaping and handing over, on a real worker, a real Temporal and the simulator's bill."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.client import Client

from rekindle.contracts.statuses import AttemptStatus, GpuClass
from rekindle.store.database import Database
from worker.host import WorkerHost

IMAGE = GpuClass.IMAGE
# Otherwise a busy machine finds pods idle for long enough to be returned meanwhile.
patient = pytest.mark.parametrize(
    "rented", [{"pod_idle_seconds": 3600.0}], indirect=True, ids=["patient"]
)


@patient
async def test_twenty_restores_at_once_rent_at_most_what_is_allowed_and_all_succeed(
    host: WorkerHost, fleet: Any, customer: Any
) -> None:
    asked = await asyncio.gather(*(customer.restores("restore_classic") for _ in range(20)))

    attempts = await asyncio.gather(*(customer.sees(attempt_id) for attempt_id in asked))
    await fleet.ends()

    assert {attempt.status for attempt in attempts} == {AttemptStatus.SUCCEEDED}
    assert 1 <= len(await fleet.audited()) <= 3


async def test_a_pod_whose_owner_was_terminated_by_hand_is_reaped(
    host: WorkerHost, fleet: Any, temporal: Client
) -> None:
    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()

    await temporal.get_workflow_handle("gpu-pod-image-0").terminate("by hand")
    await fleet.tick()

    (row,) = await fleet.rows()
    assert row["end_reason"] == "reaped"
    await fleet.audited()


async def test_a_pod_that_could_only_stop_itself_is_terminated_by_the_reaper(
    host: WorkerHost, fleet: Any, cloud: Any, stranger: Any
) -> None:
    """Its owner is gone, and its own key may do no more: stopped it costs its disk for ever."""
    left = await stranger(f"rk-{fleet.settings.environment}-image-0-7")
    cloud.stops(left)

    await fleet.tick()

    (pod,) = fleet.bill()
    assert pod["terminated_at"] is not None


async def test_what_has_a_name_almost_like_ours_is_left_alone(
    host: WorkerHost, fleet: Any, cloud: Any, stranger: Any
) -> None:
    names = [f"rk-{fleet.settings.environment}x-image-0-1", f"rk-{fleet.settings.environment}-own"]
    for name in names:
        await stranger(name)

    await fleet.tick()

    strangers = [pod for name in names for pod in cloud.ledger(name)]
    assert [pod["ended_at"] for pod in strangers] == [None, None]


@patient
async def test_a_second_pod_under_an_owned_name_is_reaped(
    host: WorkerHost, fleet: Any, stranger: Any
) -> None:
    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()
    (owned,) = fleet.alive()
    await stranger(owned["name"])

    await fleet.until(lambda: fleet.has_reaped(1))  # a listing may be a second old

    assert [pod["id"] for pod in fleet.alive()] == [owned["id"]]
    await fleet.ends()


async def test_an_owner_that_is_cancelled_lets_its_prompt_finish_and_returns_the_pod(
    host: WorkerHost, fleet: Any, cloud: Any, customer: Any, temporal: Client
) -> None:
    cloud.takes(2.0)
    attempt_id = await customer.restores("restore_classic")
    await fleet.until(lambda: len(fleet.prompts()) == 2)  # its warm-up, and this one

    await temporal.get_workflow_handle("gpu-pod-image-0").cancel()
    attempt = await customer.sees(attempt_id)
    await fleet.until_nobody_owns()

    assert attempt.status == AttemptStatus.SUCCEEDED
    (pod,) = await fleet.audited()
    assert attempt.pod_id == pod["name"]


async def test_a_cancel_that_comes_after_a_drain_ends_neither_the_prompt_nor_the_return(
    host: WorkerHost, fleet: Any, cloud: Any, customer: Any, temporal: Client
) -> None:
    """Somebody is impatient: once while the prompt ends, once while the pod is being returned."""
    owner = temporal.get_workflow_handle("gpu-pod-image-0")
    cloud.takes(2.0)
    attempt_id = await customer.restores("restore_classic")
    await fleet.until(lambda: len(fleet.prompts()) == 2)  # its warm-up, and this one
    await fleet.owners.drain(IMAGE, 0)
    await fleet.until(lambda: fleet.is_now("draining"))

    await owner.cancel()
    attempt = await customer.sees(attempt_id)
    await fleet.until_nobody_owns()

    assert (attempt.status, attempt.try_number) == (AttemptStatus.SUCCEEDED, 1)
    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()
    cloud.does({"kind": "server_error", "route": "DELETE /v2/pods/*", "count": 1})
    await fleet.owners.drain(IMAGE, 0)
    await fleet.until(lambda: cloud.has_done(1))

    await owner.cancel()
    await fleet.until_nobody_owns()

    assert fleet.alive() == []
    assert len(await fleet.audited()) == 2


async def test_at_the_ceiling_nothing_more_is_rented_even_for_waiting_work(
    fleet: Any, customer: Any, renting_with: Any
) -> None:
    async with renting_with(spend_per_hour=0.0):
        attempt_id = await customer.restores("restore_classic")

        async def is_held_back() -> bool:  # once the attempt has been admitted
            await fleet.tick()
            return "ceiling" in (await fleet.decision())["reason"]

        await fleet.until(is_held_back)
        assert fleet.bill() == []
        await customer.commands.cancel(customer.job, attempt_id)
        assert (await customer.sees(attempt_id)).status == AttemptStatus.CANCELED


async def test_a_pod_that_nobody_scales_returns_itself_when_it_is_idle(
    fleet: Any, renting_with: Any
) -> None:
    async with renting_with(pod_alone_seconds=1.0):
        await fleet.owners.start(IMAGE, 0)
        await fleet.until_ready()
        await fleet.until_nobody_owns()

    (row,) = await fleet.rows()
    assert row["end_reason"] == "idle"
    await fleet.audited()


async def test_a_new_worker_takes_over_pods_and_prompts_without_running_any_twice(
    fleet: Any, cloud: Any, customer: Any, renting_with: Any
) -> None:
    cloud.takes(3.0)
    async with renting_with():
        attempt_id = await customer.restores("restore_classic")
        await fleet.until_ready()
        await fleet.until(lambda: len(fleet.prompts()) == 2)  # its warm-up, and this one
    async with renting_with():
        attempt = await customer.sees(attempt_id)
        await fleet.ends()

    assert (attempt.status, attempt.try_number) == (AttemptStatus.SUCCEEDED, 1)
    assert len(fleet.prompts()) == 2
    assert len(await fleet.audited()) == 1


async def test_a_machine_on_which_jobs_fail_ends_what_it_holds_and_is_returned_although_wanted(
    fleet: Any, cloud: Any, customer: Any, database: Database, renting_with: Any
) -> None:
    async with renting_with(pod_idle_seconds=3600.0, image_pods_min=1):
        await fleet.owners.start(IMAGE, 0)
        await fleet.until_ready()
        (pod,) = fleet.alive()
        cloud.takes(3.0)
        attempt_id = await customer.restores("restore_classic")
        await fleet.until(lambda: len(fleet.prompts()) == 2)  # its warm-up, and this one
        failed = text(
            "insert into gpu_uses (attempt_id, try_number, pod_id, machine, gpu_class, graph,"
            " gpu_seconds, error_code) select gen_random_uuid(), 1, :pod, :machine, 'image',"
            " 'restore_classic', 1, 'graph_failed' from generate_series(1, 3)"
        )
        async with database.transaction() as session:
            await session.execute(failed, {"pod": pod["name"], "machine": pod["machine"]})

        await fleet.tick()  # once: while there is work, it may never be found idle
        await fleet.until(lambda: fleet.is_now("draining", "terminated"))
        attempt = await customer.sees(attempt_id)
        await fleet.until_nobody_owns()

    assert (attempt.status, attempt.pod_id) == (AttemptStatus.SUCCEEDED, pod["name"])
    assert (await fleet.rows())[0]["end_reason"] == "drained"
    await fleet.audited()


async def test_work_that_a_machine_failed_waits_for_another_and_gets_it(
    fleet: Any, cloud: Any, customer: Any, renting_with: Any
) -> None:
    async with renting_with(pod_idle_seconds=3600.0) as host:
        await fleet.owners.start(IMAGE, 0)
        await fleet.until_ready()
        cloud.takes(60.0)
        attempt_id = await customer.restores("restore_classic", max_retries=1)
        await fleet.until(lambda: len(fleet.prompts()) == 2)  # its warm-up, and this one
        cloud.takes(0.2)
        prompt = fleet.prompts()[-1]
        comfy = await host.ports.door.comfy(fleet.alive()[0]["name"])
        await comfy.cancel(UUID(prompt["prompt_id"]))  # a failure that nobody asked us for
        attempt = await fleet.ticking(customer.sees(attempt_id))
        await fleet.ends()

    first, second = await fleet.audited()
    assert (attempt.status, attempt.try_number) == (AttemptStatus.SUCCEEDED, 2)
    assert attempt.pod_id == second["name"]
    assert second["machine"] != first["machine"]

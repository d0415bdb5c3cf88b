"""Real processes, killed, cut off and left alone while pods are rented: none lost, all paid for.

One module, since each starts a stack of its own.
"""

from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CREATE, LIST, ANY = "POST /v2/pods", "GET /v2/pods", "* /v2/*"


def test_a_worker_killed_before_during_and_after_a_create_leaves_one_pod_for_each_owner(
    fleet: Any, cloud: Any
) -> None:
    """One owner's pod is rented but not recorded, one's create is under way, one's not begun."""
    worker = fleet.worker(image_pods_max=3)
    cloud.does({"kind": "slow", "route": CREATE, "seconds": 5})
    attempt = fleet.restore()
    fleet.until(cloud.has_done, "the first create")
    with fleet.locked(fleet.pods()[0]["id"]):
        fleet.until(fleet.bill, "the first pod")
        cloud.does({"kind": "slow", "route": CREATE, "seconds": 8})
        fleet.own(1)
        fleet.until(cloud.has_done, "the second create")
        cloud.does({"kind": "slow", "route": LIST, "seconds": 60, "count": None})
        fleet.own(2)
        fleet.until(lambda: len(fleet.pods()) == 3, "the third owner")
        worker.kill()
    cloud.does()
    assert [row["cloud_id"] for row in fleet.pods()] == [None] * 3

    worker.start()

    fleet.until(lambda: len(fleet.ready()) == 3, "three pods are ready")
    fleet.release()
    assert fleet.succeeds(attempt.id)["try_number"] == 1
    assert len(fleet.audit()) == 3


def test_a_pod_that_dies_in_mid_prompt_costs_one_more_try_and_no_finished_work(
    fleet: Any, cloud: Any
) -> None:
    fleet.worker()
    finished = fleet.restore()
    fleet.awaits_prompts(finished.id)
    fleet.release()
    fleet.succeeds(finished.id)
    fleet.hold()
    moved = fleet.restore()
    fleet.awaits_prompts(moved.id)

    cloud.kill(*fleet.alive())

    fleet.awaits_prompts(moved.id, 2)
    fleet.release()
    assert fleet.succeeds(moved.id)["try_number"] == 2
    assert fleet.runs(finished.id) == ["success"]
    assert fleet.runs(moved.id) == [None, "success"]
    assert len(fleet.audit()) == 2


def test_with_temporal_away_pods_stay_owned_and_a_prompt_that_ends_meanwhile_counts(
    fleet: Any,
) -> None:
    """Away for longer than any heartbeat may be late."""
    fleet.worker()
    attempt = fleet.restore()
    fleet.awaits_prompts(attempt.id)
    pods = fleet.alive()

    fleet.stack.temporal.kill()
    fleet.release()
    fleet.throughout(11.0, lambda: fleet.alive() == pods, "the pod is there")
    fleet.stack.temporal.start()

    assert fleet.succeeds(attempt.id)["try_number"] == 1
    assert fleet.succeeds(fleet.restore().id)["try_number"] == 1
    assert [pod["id"] for pod in fleet.audit()] == pods


def test_with_the_cloud_s_api_away_pods_work_on_and_are_returned_when_it_is_back(
    fleet: Any, cloud: Any
) -> None:
    fleet.worker()
    attempt = fleet.restore()
    fleet.awaits_prompts(attempt.id)
    pods = fleet.alive()

    cloud.does(
        {"kind": "server_error", "route": ANY, "count": 2},
        {"kind": "reset", "route": ANY, "count": None},
    )
    fleet.release()
    fleet.succeeds(attempt.id)
    fleet.succeeds(fleet.restore().id)
    fleet.drain()
    fleet.until(lambda: cloud.has_done(4), "tries to return the pod")
    assert fleet.alive() == pods
    cloud.does()

    assert [pod["id"] for pod in fleet.audit()] == pods


def test_a_deploy_takes_over_the_pod_and_its_prompt_without_running_it_again(fleet: Any) -> None:
    """Also the deploy of a worker whose pod drains: it is returned when its prompt has ended."""
    old = fleet.worker()
    attempt = fleet.restore()
    fleet.awaits_prompts(attempt.id)
    pods = fleet.alive()

    new = fleet.worker()
    old.stop()
    fleet.release()

    assert fleet.succeeds(attempt.id)["try_number"] == 1
    assert fleet.runs(attempt.id) == ["success"]
    fleet.hold()
    second = fleet.restore()
    fleet.awaits_prompts(second.id)

    fleet.worker()
    fleet.drain()
    fleet.until(lambda: fleet.pods()[0]["state"] == "draining", "it takes nothing more")
    new.stop()
    fleet.throughout(3.0, lambda: fleet.alive() == pods, "the pod is there")
    fleet.release()

    assert fleet.succeeds(second.id)["try_number"] == 1
    assert fleet.runs(second.id) == ["success"]
    assert [pod["id"] for pod in fleet.audit()] == pods


def test_while_the_schedule_is_paused_a_pod_works_on_and_returns_itself_when_it_is_idle(
    fleet: Any,
) -> None:
    fleet.worker(pod_alone_seconds=3.0)
    attempt = fleet.restore()
    fleet.awaits_prompts(attempt.id)
    fleet.pause()
    try:
        pods = fleet.alive()
        fleet.throughout(5.0, lambda: fleet.alive() == pods, "the pod works")
        fleet.release()
        fleet.succeeds(attempt.id)
        fleet.until(lambda: not fleet.alive(), "it returns itself")
    finally:
        fleet.resume()
    fleet.until(lambda: fleet.pods()[0]["terminated_at"], "its row is closed")
    assert [row["end_reason"] for row in fleet.pods()] == ["idle"]
    assert len(fleet.audit()) == 1


def test_a_pod_without_any_controller_ends_itself_and_its_work_moves_when_they_are_back(
    fleet: Any,
) -> None:
    worker = fleet.worker(dead_man_seconds=12.0)
    attempt = fleet.restore()
    fleet.awaits_prompts(attempt.id)
    (first,) = fleet.bill()
    assert first["is_billed"]

    for part in (worker, fleet.stack.api, fleet.stack.temporal):
        part.kill()
    fleet.until(lambda: not fleet.alive(), "it ends itself")
    (ended,) = fleet.bill()
    for part in (fleet.stack.temporal, worker, fleet.stack.api):
        part.start()

    fleet.awaits_prompts(attempt.id, 2)
    fleet.release()
    assert fleet.succeeds(attempt.id)["try_number"] == 2
    first, _ = fleet.audit()
    assert first == ended


def test_at_the_ceiling_free_work_waits_while_paid_work_uses_the_reserve(fleet: Any) -> None:
    """The whole limit is a reserve: there is money, but none of it for free work."""
    fleet.worker(spend_per_hour=100.0, spend_paid_reserve=1.0, image_pods_max=2)
    free = fleet.restore()
    fleet.until(lambda: "ceiling" in fleet.look(), "free work is refused a pod")
    assert fleet.bill() == []

    paid = fleet.restore_paid(free.job_id)
    fleet.awaits_prompts(paid)
    fleet.until(lambda: "ceiling" in fleet.look(), "the reserve is for waiting work only")
    fleet.until(lambda: fleet.pods()[0]["state"] == "draining", "it takes nothing more")
    fleet.release()

    fleet.succeeds(paid)
    fleet.until(lambda: not fleet.alive(), "the paid work's pod is returned")
    assert "ceiling" in fleet.look()
    assert fleet.client.attempt(free.job_id, free.id).status == "queued"
    assert fleet.runs(free.id) == []
    fleet.client.cancel(free)
    fleet.until(
        lambda: fleet.client.attempt(free.job_id, free.id).status == "canceled", "it is canceled"
    )
    assert len(fleet.audit()) == 1

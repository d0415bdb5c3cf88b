"""Pods that nobody scales or reaches any more, and money that is spent: real processes."""

from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


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
    assert "ceiling" in fleet.look()
    assert fleet.bill() == []

    paid = fleet.restore_paid(free.job_id)
    fleet.awaits_prompts(paid)
    assert "ceiling" in fleet.look()
    fleet.until(lambda: fleet.pods()[0]["state"] == "draining", "it takes nothing more")
    fleet.release()

    fleet.succeeds(paid)
    fleet.until(lambda: not fleet.alive(), "the paid work's pod is returned")
    assert "ceiling" in fleet.look()
    assert fleet.client.attempt(free.job_id, free.id).status == "queued"
    assert fleet.runs(free.id) == []
    fleet.client.cancel(free)
    assert len(fleet.audit()) == 1

"""The queries that operators are told to save, asked of a real Temporal while something happens."""

import re
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus

from rekindle.contracts import renders, search
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from worker.host import WorkerHost

GUIDE = Path(__file__).parents[4] / "docs" / "operators.md"
IMAGE = GpuClass.IMAGE
RUNNING = WorkflowExecutionStatus.RUNNING


def saved_queries() -> dict[str, str]:
    """The table of the guide: view and query."""
    section = GUIDE.read_text().partition("## Queries to save")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| `([^`]+)`", section, flags=re.MULTILINE)
    return {view.strip("*"): query for view, query in rows}


async def test_the_saved_queries_find_what_they_say_and_a_terminated_render_frees_its_pod(
    host: WorkerHost, fleet: Any, cloud: Any, customer: Any, temporal: Client
) -> None:
    queries = saved_queries()

    async def found(view: str, old: str = "", new: str = "") -> set[str]:
        query = queries.pop(view).replace(old, new)
        return {each.id async for each in temporal.list_workflows(query)}

    async def is_told(number: int, stage: str) -> bool:
        told = await temporal.get_workflow_handle(f"gpu-pod-image-{number}").describe()
        return told.status is not RUNNING or told.typed_search_attributes.get(search.STAGE) == stage

    await fleet.owners.start(IMAGE, 0)
    await fleet.until(lambda: is_told(0, "serving"))
    cloud.takes(600.0)
    attempt_id = await customer.restores("restore_classic")
    await fleet.until(lambda: len(fleet.prompts()) == 2)  # after its warm-up
    cloud.does({"kind": "stuck_starting"})
    await fleet.owners.start(IMAGE, 1)
    await fleet.until(lambda: is_told(1, "booting"))
    cloud.does({"kind": "no_capacity", "count": None})
    await fleet.owners.start(IMAGE, 2)
    await fleet.until(lambda: is_told(2, "ended"))

    render = renders.workflow_id(attempt_id)
    pod, soon = f"rk-{fleet.settings.environment}-image-0-1", "2200-01-01T00:00:00Z"
    assert await found("one pod", "rk-production-image-0-12", pod) == {"gpu-pod-image-0"}
    assert await found("pods that boot") == {"gpu-pod-image-1"}
    assert "gpu-pod-image-2" in await found("pods that could not be had")
    assert await found("work for one kind of GPU", "video", "image") == {render}
    assert await found("renders that take long", "2026-01-31T12:00:00Z", soon) == {render}
    assert await found("paid renders under way") == set()
    for view in tuple(queries):  # those of other things that happen: they can be asked
        await found(view)

    await temporal.get_workflow_handle(render).terminate("by hand")
    attempt = await customer.sees(attempt_id)
    assert (attempt.status, attempt.error_code) == (AttemptStatus.CANCELED, None)
    await fleet.until(lambda: fleet.prompts()[-1]["outcome"] == "interrupted")
    await fleet.ends()
    await fleet.audited()

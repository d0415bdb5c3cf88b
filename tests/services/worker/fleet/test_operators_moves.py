"""What operators may do to renders and pods in Temporal's Web UI, on a real Temporal."""

from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    ResetWorkflowExecutionRequest,
    UnpauseActivityRequest,
)
from temporalio.client import Client

from rekindle.contracts import renders
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from worker.host import WorkerHost

IMAGE = GpuClass.IMAGE
OWNER = "gpu-pod-image-0"


class WebUi:
    """The buttons of the Web UI: they send these very requests."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def reset(self, workflow_id: str) -> None:
        """Reset a workflow to its first workflow task."""
        history = await self._client.get_workflow_handle(workflow_id).fetch_history()
        first = next(
            event.event_id
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        )
        await self._client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id),
                reason="a test",
                workflow_task_finish_event_id=first,
                request_id=str(uuid4()),
            )
        )

    async def pause(self, workflow_id: str, activity: str) -> None:
        """Pause the activities of a type."""
        await self._client.workflow_service.pause_activity(
            PauseActivityRequest(
                namespace=self._client.namespace,
                execution=WorkflowExecution(workflow_id=workflow_id),
                type=activity,
            )
        )

    async def unpause(self, workflow_id: str, activity: str) -> None:
        """Let them go on."""
        await self._client.workflow_service.unpause_activity(
            UnpauseActivityRequest(
                namespace=self._client.namespace,
                execution=WorkflowExecution(workflow_id=workflow_id),
                type=activity,
            )
        )

    async def is_under_way(self, workflow_id: str, activity: str) -> bool:
        """Whether a worker is at an activity."""
        told = await self._client.get_workflow_handle(workflow_id).describe()
        return any(
            pending.activity_type.name == activity
            and pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            for pending in told.raw_description.pending_activities
        )

    async def is_paused(self, workflow_id: str, activity: str) -> bool:
        """Whether an activity is paused and no worker is at it any more."""
        told = await self._client.get_workflow_handle(workflow_id).describe()
        return any(
            pending.activity_type.name == activity
            and pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED
            for pending in told.raw_description.pending_activities
        )


@pytest.fixture
def web_ui(temporal: Client) -> WebUi:
    return WebUi(temporal)


# A pod that were returned for being idle would be one less to choose from.
pytestmark = pytest.mark.parametrize(
    "rented", [{"pod_idle_seconds": 3600.0}], indirect=True, ids=["patient"]
)


async def test_a_render_that_is_reset_or_paused_finds_its_prompt_where_it_is_or_its_result(
    host: WorkerHost, fleet: Any, cloud: Any, customer: Any, web_ui: WebUi, temporal: Client
) -> None:
    for number in (0, 1):
        await fleet.owners.start(IMAGE, number)
    await fleet.until_ready(2)
    cloud.takes(3.0)
    attempt_id = await customer.restores("restore_classic")
    await fleet.until(lambda: len(fleet.prompts()) == 3)  # two warm-ups, and this one
    render = temporal.get_workflow_handle(renders.workflow_id(attempt_id))

    await web_ui.reset(render.id)  # the other pod has room, and this one's seat is still taken
    attempt = await customer.sees(attempt_id)
    await render.result()
    await web_ui.reset(render.id)
    again = await render.result()

    assert (attempt.status, attempt.try_number) == (AttemptStatus.SUCCEEDED, 1)
    assert again["status"] == AttemptStatus.SUCCEEDED
    assert len(fleet.prompts()) == 3

    paused_id = await customer.restores("restore_classic")
    await fleet.until(lambda: len(fleet.prompts()) == 4)
    paused = renders.workflow_id(paused_id)
    await web_ui.pause(paused, "run_graph")
    await fleet.until(lambda: web_ui.is_paused(paused, "run_graph"))
    await web_ui.unpause(paused, "run_graph")
    attempt = await customer.sees(paused_id)

    assert (attempt.status, attempt.try_number) == (AttemptStatus.SUCCEEDED, 1)
    assert len(fleet.prompts()) == 4
    await fleet.ends()
    await fleet.audited()


async def test_an_owner_that_is_reset_goes_on_with_its_pod_and_the_pod_s_prompt(
    host: WorkerHost, fleet: Any, cloud: Any, customer: Any, web_ui: WebUi
) -> None:
    cloud.takes(3.0)
    attempt_id = await customer.restores("restore_classic")
    await fleet.until(lambda: len(fleet.prompts()) == 2)  # its warm-up, and this one

    await web_ui.reset(OWNER)
    attempt = await customer.sees(attempt_id)
    cloud.takes(0.2)
    second = await customer.sees(await customer.restores("restore_classic"))

    assert (attempt.status, attempt.try_number) == (AttemptStatus.SUCCEEDED, 1)
    assert (second.status, second.try_number) == (AttemptStatus.SUCCEEDED, 1)
    await fleet.ends()
    assert len(await fleet.audited()) == 1


async def test_while_serving_is_paused_work_goes_elsewhere_and_a_cancel_returns_the_pod(
    host: WorkerHost, fleet: Any, customer: Any, web_ui: WebUi, temporal: Client
) -> None:
    async def pauses() -> None:
        await fleet.until(lambda: web_ui.is_under_way(OWNER, "serve_pod"))
        await web_ui.pause(OWNER, "serve_pod")
        await fleet.until(lambda: web_ui.is_paused(OWNER, "serve_pod"))

    async def goes_to() -> str:
        attempt_id = await customer.restores("restore_classic")
        attempt = await fleet.ticking(customer.sees(attempt_id))
        return str(attempt.pod_id).removeprefix(f"rk-{fleet.settings.environment}-image-")

    await fleet.owners.start(IMAGE, 0)
    await fleet.until_ready()

    await pauses()
    assert await goes_to() == "1-1"
    await web_ui.unpause(OWNER, "serve_pod")
    await fleet.until_ready(2)
    await fleet.owners.drain(IMAGE, 1)
    assert await goes_to() == "0-1"
    await pauses()
    await temporal.get_workflow_handle(OWNER).cancel()
    await fleet.until_nobody_owns()

    assert len(await fleet.audited()) == 2

"""Which pod held which job from when to when: from being given it until its prompt had ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from temporalio.client import Client, WorkflowHistory

from deploy.bench.figures import Run
from deploy.bench.light_pods import PodRun
from rekindle.contracts import renders
from rekindle.contracts.renders import GraphRun

_RUN_GRAPH = "run_graph"


@dataclass(frozen=True)
class Hold:
    """One job on one pod, Unix seconds.

    Attributes:
        taken: when a worker took it for a pod with room; its photo is then staged.
        run: when its prompt began and when it ended.
    """

    pod: str
    taken: float
    run: Run

    def covers(self, moment: float) -> bool:
        """Whether the pod held the job then."""
        return self.taken <= moment < self.run[1]


async def holds_of(
    client: Client, attempt_ids: Sequence[UUID], runs: Sequence[PodRun]
) -> list[Hold]:
    """What their histories and the pods' ledger tell, in the order in which they were taken.

    Args:
        client: of the Temporal that has the histories.
        attempt_ids: attempts that have succeeded.
        runs: their prompts; those of others are left out.
    """
    taken: dict[str, float] = {}
    for attempt_id in attempt_ids:
        handle = client.get_workflow_handle(renders.workflow_id(attempt_id))
        taken |= await _taken(client, await handle.fetch_history())
    holds = [
        Hold(run.pod, taken[run.prompt_id], (run.started, run.ended))
        for run in runs
        if run.prompt_id in taken
    ]
    return sorted(holds, key=lambda hold: hold.taken)


def lanes_of(holds: Sequence[Hold]) -> list[list[Run]]:
    """The runs of each pod that had any."""
    pods = sorted({hold.pod for hold in holds})
    return [sorted(hold.run for hold in holds if hold.pod == pod) for pod in pods]


def taken_too_early(holds: Sequence[Hold], *, slack: float) -> list[Hold]:
    """The jobs that a pod was given beside another one while a pod stood idle.

    Args:
        holds: of all jobs; every pod of the class had some.
        slack: a pod counts as idle once it has been for so long; seconds.
    """
    pods = {hold.pod for hold in holds}

    def was_idle(pod: str, since: float, until: float) -> bool:
        return not any(h.pod == pod and h.taken <= until and h.run[1] > since for h in holds)

    return [
        hold
        for hold in holds
        if any(h is not hold and h.pod == hold.pod and h.covers(hold.taken) for h in holds)
        and any(was_idle(pod, hold.taken - slack, hold.taken) for pod in pods)
    ]


async def _taken(client: Client, history: WorkflowHistory) -> dict[str, float]:
    """When a worker took each prompt of a `Render`, Unix seconds."""
    asked: dict[int, str] = {}
    taken: dict[str, float] = {}
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            told = event.activity_task_scheduled_event_attributes
            if told.activity_type.name == _RUN_GRAPH:
                (run,) = await client.data_converter.decode(told.input.payloads, [GraphRun])
                asked[event.event_id] = str(run.prompt_id)
        elif event.HasField("activity_task_started_event_attributes"):
            begun = event.activity_task_started_event_attributes.scheduled_event_id
            if begun in asked:
                taken[asked[begun]] = event.event_time.ToNanoseconds() / 1e9
    return taken

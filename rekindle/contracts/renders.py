"""One attempt: the `Render` workflow, the graph it runs, and what comes back."""

from enum import IntEnum
from uuid import UUID, uuid5

from rekindle.contracts.payload import Payload
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, GpuClass, Stage

RENDER = "Render"
_PREFIX = "render-"

Parameters = dict[str, bool | int | float | str]
"""Values of a pack's parameters by name, already checked against its manifest."""


def workflow_id(attempt_id: UUID) -> str:
    """The id of the attempt's `Render`; also its idempotency key."""
    return f"{_PREFIX}{attempt_id}"


def attempt_of(workflow_id: str) -> UUID | None:
    """The attempt of a `Render`; None for the id of another workflow."""
    if not workflow_id.startswith(_PREFIX):
        return None
    return UUID(workflow_id.removeprefix(_PREFIX))


def prompt_of(attempt_id: UUID, try_number: int) -> UUID:
    """The prompt of one try: the same try, the same prompt, so posting is looking up."""
    return uuid5(attempt_id, f"try-{try_number}")


class Priority(IntEnum):
    """Temporal priority keys on a GPU task queue, most urgent first."""

    LOST_RENDER = 1
    PAID = 2
    FREE = 3


class RenderInput(Payload):
    """Everything one attempt needs to know.

    Attributes:
        stamp: names the attempt's objects; made once, in `PhotoJob`. HD has that of its source.
        parameters: complete and checked, seed included.
        source_id: the attempt that it works on; None for the photo itself.
        source_key: the object that the graph is given; None where it needs none.
        output_key: where what the graph made is stored.
        order_id: of the order that HD belongs to.
        fairness_key: opaque; one user's work shares it (at most 64 bytes).
        max_retries: further tries after a graph failed on our side; 0 fails at once.
        retry_backoff_base: seconds before the first of them; each further one waits that factor
            longer, 0 never.
        deadline_seconds: how long the attempt may wait for a GPU and run on it, in all.
    """

    job_id: UUID
    attempt_id: UUID
    kind: AttemptKind
    stamp: str
    graph: str
    graph_version: str
    gpu_class: GpuClass
    parameters: Parameters
    source_id: UUID | None = None
    source_key: str | None
    output_key: str
    order_id: UUID | None = None
    priority: Priority = Priority.FREE
    fairness_key: str
    max_retries: int = 3
    retry_backoff_base: float = 0.0
    deadline_seconds: float = 300.0


class RenderResult(Payload):
    """How an attempt ended; `error_code` is set when it failed."""

    attempt_id: UUID
    status: AttemptStatus
    error_code: str | None = None


class GraphRun(Payload):
    """One try at running an attempt's graph on a GPU.

    Attributes:
        try_number: from 1; raised only after a definite failure, never by a retry of ours.
        avoid: machines that failed this attempt before.
        resumed: its workflow was reset, so an earlier run may have posted the prompt already.
    """

    job_id: UUID
    attempt_id: UUID
    try_number: int
    graph: str
    graph_version: str
    parameters: Parameters
    source_key: str | None
    output_key: str
    avoid: tuple[str, ...] = ()
    resumed: bool = False

    @property
    def prompt_id(self) -> UUID:
        """The prompt of this try."""
        return prompt_of(self.attempt_id, self.try_number)


class RunBeat(Payload):
    """Heartbeat details of `run_graph`: enough for another process to take the prompt over.

    Attributes:
        gpu_seconds: for how long the prompt has been seen running so far.
    """

    pod_id: str
    prompt_id: UUID
    stage: Stage
    fraction: float
    machine: str | None = None
    gpu_seconds: float = 0.0


class GraphOutput(Payload):
    """What a graph made, already stored under its key.

    Attributes:
        engine_seconds: from execution start to end by the server's own clock.
    """

    key: str
    sha256: str
    size_bytes: int
    engine_seconds: float
    pod_id: str
    machine: str | None = None
    try_number: int = 1


class AttachRun(Payload):
    """Take over a prompt that another process had posted."""

    run: GraphRun
    beat: RunBeat


class AdmitAttempt(Payload):
    """Record the attempt as queued and ask for capacity of its class."""

    render: RenderInput


class FinishAttempt(Payload):
    """Make the derivatives of a stored master and record success."""

    render: RenderInput
    output: GraphOutput


class CloseAttempt(Payload):
    """Record that an attempt ended without a result."""

    attempt_id: UUID
    status: AttemptStatus
    error_code: str | None = None

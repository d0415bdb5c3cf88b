"""Temporal: the connection, commands to jobs, and asking for pods."""

import os
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from dotenv import dotenv_values
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
)
from temporalio.common import (
    WorkflowIDConflictPolicy,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from rekindle.adapters.patience import PATIENCE_SECONDS, forget_start, patience
from rekindle.contracts import fleet, jobs, pods, queues, search
from rekindle.contracts.jobs import (
    AttemptAccepted,
    AttemptCommand,
    CancelCommand,
    PhotoJobInput,
    SelectCommand,
)
from rekindle.contracts.payload import Payload
from rekindle.contracts.pods import GpuPodInput
from rekindle.contracts.statuses import AttemptKind, GpuClass
from rekindle.errors import WorkflowsUnavailable
from rekindle.ports.pods import PodOwners

_LOG = structlog.get_logger(__name__)

_SOON = timedelta(seconds=2)
"""Until the look at a fleet that has just lost a pod: its owner must have closed by then."""


async def connect(address: str, namespace: str, *, lazy: bool = False) -> Client:
    """A client for one event loop.

    Args:
        address: host:port of the frontend.
        namespace: Temporal namespace.
        lazy: connect with the first call, so that a process can start before its server.

    Raises:
        WorkflowsUnavailable: nobody answers there.
    """
    config = ClientConfig.load_client_connect_config(override_env_vars=_environment())
    config.update({"target_host": address, "namespace": namespace})
    try:
        return await Client.connect(**config, data_converter=pydantic_data_converter, lazy=lazy)
    except (RPCError, RuntimeError) as error:
        raise WorkflowsUnavailable(str(error)) from error


def _environment() -> dict[str, str]:
    """Temporal's own settings as ours are read: the environment, and `.env` for what it lacks."""
    kept = {name: value for name, value in dotenv_values(".env").items() if value}
    return {**{n: v for n, v in kept.items() if n.startswith("TEMPORAL_")}, **os.environ}


async def register_search_attributes(client: Client) -> None:
    """Have the server know our search attributes, so that workflows may use them. Idempotent.

    Raises:
        WorkflowsUnavailable: nobody answers.
    """
    wanted = AddSearchAttributesRequest(
        namespace=client.namespace,
        search_attributes=dict.fromkeys(
            search.KEYWORDS, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        ),
    )
    try:
        await client.operator_service.add_search_attributes(wanted)
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return
        if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            # Temporal Cloud: they are added in its own console, once.
            _LOG.warning("search_attributes_not_registered", wanted=list(search.KEYWORDS))
            return
        raise WorkflowsUnavailable(str(error)) from error


_UPDATES = {
    AttemptKind.RESTORE: jobs.RESTORE,
    AttemptKind.ANIMATION: jobs.ANIMATE,
    AttemptKind.GENERATION: jobs.GENERATE,
}


class TemporalJobs:
    """Commands to `PhotoJob` workflows (`ports.jobs.JobCommands`)."""

    def __init__(self, client: Client, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Speak through `client`.

        Args:
            patience_seconds: how long an answer is waited for.
        """
        self._client = client
        self._patience_seconds = patience_seconds

    async def open(self, job: PhotoJobInput) -> None:
        """See `JobCommands.open`."""
        async with patience(self._patience_seconds):
            await self._client.start_workflow(
                jobs.PHOTO_JOB,
                job,
                id=jobs.workflow_id(job.job_id),
                task_queue=queues.CONTROL,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary="a photo",
            )

    async def begin(self, job: PhotoJobInput, command: AttemptCommand) -> AttemptAccepted:
        """See `JobCommands.begin`."""
        update = _UPDATES[command.kind]
        accepted: AttemptAccepted = await self._update(
            job, update, command, update_id=str(command.attempt_id), result=AttemptAccepted
        )
        return accepted

    async def select(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        """See `JobCommands.select`."""
        await self._update(job, jobs.SELECT, SelectCommand(attempt_id=attempt_id))

    async def cancel(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        """See `JobCommands.cancel`."""
        await self._update(job, jobs.CANCEL, CancelCommand(attempt_id=attempt_id))

    async def _update(
        self,
        job: PhotoJobInput,
        update: str,
        command: Payload,
        *,
        update_id: str | None = None,
        result: type | None = None,
    ) -> Any:
        """Send an update to the job's workflow, starting it again if it had closed."""
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            jobs.PHOTO_JOB,
            job,
            id=jobs.workflow_id(job.job_id),
            task_queue=queues.CONTROL,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary="a photo",
        )
        try:
            async with patience(self._patience_seconds):
                return await self._client.execute_update_with_start_workflow(
                    update,
                    command,
                    id=update_id,
                    start_workflow_operation=start,
                    result_type=result,
                )
        except BaseException:
            forget_start(start)
            raise

    async def check(self) -> None:
        """See `JobCommands.check`."""
        async with patience(self._patience_seconds):
            await self._client.service_client.check_health(
                timeout=timedelta(seconds=self._patience_seconds)
            )


class TemporalPodOwners:
    """`GpuPod` workflows (`ports.pods.PodOwners`); their ids bound how many there can be."""

    def __init__(self, client: Client) -> None:
        """Speak through `client`."""
        self._client = client

    async def start(self, gpu_class: GpuClass, number: int) -> bool:
        """See `PodOwners.start`."""
        try:
            await self._client.start_workflow(
                pods.GPU_POD,
                GpuPodInput(gpu_class=gpu_class, number=number),
                id=pods.workflow_id(gpu_class, number),
                task_queue=queues.CONTROL,
                # USE_EXISTING would hide which of the two happened.
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=f"{gpu_class} pod {number}",
                search_attributes=search.of_pod(gpu_class),
            )
        except WorkflowAlreadyStartedError:
            return False
        except RPCError as error:
            raise WorkflowsUnavailable(str(error)) from error
        return True

    async def drain(self, gpu_class: GpuClass, number: int) -> bool:
        """See `PodOwners.drain`."""
        owner = self._client.get_workflow_handle(pods.workflow_id(gpu_class, number))
        try:
            await owner.signal(pods.DRAIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise WorkflowsUnavailable(str(error)) from error
        return True

    async def is_open(self, gpu_class: GpuClass, number: int) -> bool:
        """See `PodOwners.is_open`."""
        owner = self._client.get_workflow_handle(pods.workflow_id(gpu_class, number))
        try:
            told = await owner.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise WorkflowsUnavailable(str(error)) from error
        return told.status is WorkflowExecutionStatus.RUNNING

    async def look_soon(self) -> None:
        """See `PodOwners.look_soon`."""
        try:
            await self._client.start_workflow(
                fleet.AUTOSCALE_PODS,
                id=fleet.AUTOSCALE_SOON,
                task_queue=queues.CONTROL,
                # One that looks already may have looked while this pod's owner was open still.
                id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                start_delay=_SOON,
                static_summary="a pod was lost",
            )
        except RPCError as error:
            raise WorkflowsUnavailable(str(error)) from error


class FixedCapacity:
    """Has fixed servers owned (`ports.pods.Capacity`)."""

    def __init__(self, owners: PodOwners, servers: int) -> None:
        """Have so many owned, of each class."""
        self._owners = owners
        self._servers = servers

    async def request(self, gpu_class: GpuClass) -> None:
        """See `Capacity.request`."""
        for number in range(self._servers):
            await self._owners.start(gpu_class, number)

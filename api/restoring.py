"""From a wish to a restore attempt: checked, accepted by the job's workflow, recorded."""

from collections.abc import Mapping
from dataclasses import dataclass

from api import graphs
from api.idempotency import Claim
from api.intake import job_input
from api.waiting import WaitingById, waiting_among
from rekindle.contracts.jobs import AcceptedRestore, RestoreCommand, render_input
from rekindle.errors import (
    AttemptNotFound,
    DatabaseUnavailable,
    ParameterOutOfRange,
    UnknownGraph,
    WorkflowsUnavailable,
)
from rekindle.models import Job, RestoreAttempt
from rekindle.settings import Settings
from rekindle.store import attempts
from rekindle.wiring.api import ApiPorts

RESTORING_ERRORS = (UnknownGraph, ParameterOutOfRange, DatabaseUnavailable, WorkflowsUnavailable)
"""What `Restoring` raises."""


@dataclass(frozen=True)
class Started:
    """An attempt that was started, as it stood then, and how it waits."""

    attempt: RestoreAttempt
    waiting: WaitingById


class Restoring:
    """Starts restore attempts."""

    def __init__(self, ports: ApiPorts, settings: Settings) -> None:
        """Work through these ports."""
        self._ports = ports
        self._settings = settings

    def command(
        self, graph: str | None, given: Mapping[str, bool | int | float | str], claim: Claim
    ) -> RestoreCommand:
        """The command of a wish, every parameter checked and complete.

        Args:
            graph: its name; None for the default one.
            given: parameters that were set, by name.
            claim: names the attempt.

        Raises:
            UnknownGraph: there is no such graph for restoring.
            InvalidRequest: a parameter the graph does not have, or of the wrong type.
            ParameterOutOfRange: a value outside its bounds.
        """
        pack = graphs.restore_pack(self._settings.default_graph if graph is None else graph)
        attempt_id = claim.new_id("attempt")
        return RestoreCommand(
            attempt_id=attempt_id,
            graph=pack.name,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=graphs.parameters(pack, given, attempt_id=attempt_id),
            max_retries=self._settings.max_retries,
            deadline_seconds=self._settings.restore_deadline,
        )

    async def start(self, job: Job, command: RestoreCommand, claim: Claim) -> Started:
        """Start the attempt of a command, or find the one that an earlier try has started.

        Raises:
            WorkflowsUnavailable: the job's workflow did not answer in time.
            DatabaseUnavailable: the attempt may have been accepted, but could not be read.
        """
        if claim.is_repeated and (begun := await self._begun(job, command)):
            return begun
        photo_job = job_input(job, self._settings)
        accepted = await self._ports.jobs.restore(photo_job, command)
        # The workflow records the attempt too; it is written here so that the caller, who may ask
        # for it at once, finds it. Alone in its transaction: the workflow waits for its turn.
        render = render_input(photo_job, AcceptedRestore(command=command, stamp=accepted.stamp))
        async with self._ports.database.transaction() as session:
            await attempts.record(session, attempts.queued(render))
        started = await self._begun(job, command)
        if started is None:
            raise AttemptNotFound
        return started

    async def _begun(self, job: Job, command: RestoreCommand) -> Started | None:
        async with self._ports.database.transaction() as session:
            attempt = await attempts.of_job(session, job.id, command.attempt_id)
            if attempt is None:
                return None
            return Started(attempt, await waiting_among(session, [attempt]))

"""From a wish to an attempt: checked, accepted by the job's workflow, recorded."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from api import graphs
from api.attempts import AttemptView, find_attempt, look_up_attempt
from api.dependencies import pod_graphs_of, ports_of, settings_of
from api.idempotency import Claim
from api.intake import job_input
from api.offering import PodGraphs
from api.quotas import Quotas
from comfy_graphs import GraphPack, load_pack
from rekindle.contracts import keys
from rekindle.contracts.jobs import AcceptedAttempt, AttemptCommand, render_input
from rekindle.contracts.renders import Parameters
from rekindle.contracts.statuses import AttemptKind
from rekindle.errors import (
    AttemptNotSelectable,
    DatabaseUnavailable,
    GraphUnavailable,
    ParameterOutOfRange,
    PromptRefused,
    ScreeningUnavailable,
    TooManyOpenAttempts,
    UnknownGraph,
    WorkflowsUnavailable,
)
from rekindle.models import Attempt, Job
from rekindle.rules.graphs import Runnable
from rekindle.settings import Settings
from rekindle.store import attempts
from rekindle.wiring.api import ApiPorts

STARTING_ERRORS = (
    UnknownGraph,
    GraphUnavailable,
    ParameterOutOfRange,
    TooManyOpenAttempts,
    DatabaseUnavailable,
    WorkflowsUnavailable,
)
"""What `Starting` raises."""

JUDGING_ERRORS = (PromptRefused, ScreeningUnavailable)
"""What it raises as well of commands with words in them."""

Given = Mapping[str, bool | int | float | str]
"""Parameters that were set, by name."""


class Starting:
    """Starts attempts.

    The commands that it makes have every parameter checked and complete. They raise

    - `UnknownGraph`: there is no such graph for that purpose,
    - `InvalidRequest`: a parameter that the graph does not have, or of the wrong type,
    - `ParameterOutOfRange`: a value outside its bounds.
    """

    def __init__(self, ports: ApiPorts, settings: Settings, pod_graphs: PodGraphs) -> None:
        """Work through these.

        Args:
            pod_graphs: what can be asked for.
        """
        self._ports = ports
        self._settings = settings
        self._pod_graphs = pod_graphs
        self._quotas = Quotas(settings)

    async def restoration(
        self, job_id: UUID, graph: str | None, given: Given, claim: Claim
    ) -> AttemptCommand:
        """The command to restore a job's photo.

        Args:
            graph: its name; None for the default one.
            claim: names the attempt.
        """
        attempt_id = claim.new_id("attempt")
        pack = await self._restore_pack(graph)
        return self._command(
            attempt_id,
            AttemptKind.RESTORE,
            pack,
            graphs.parameters(pack, given, attempt_id=attempt_id),
            source_key=keys.working(job_id),
            deadline_seconds=self._settings.restore_deadline,
        )

    async def require_restoration(self, graph: str | None, given: Given) -> None:
        """Refuse a restoration that can be made of no photo, with these parameters."""
        pack = await self._restore_pack(graph)
        graphs.parameters(pack, given, attempt_id=UUID(int=0))
        graphs.require_offered(pack, await self._known())

    async def animation(
        self, source: Attempt, graph: str | None, given: Given, claim: Claim
    ) -> AttemptCommand:
        """The command to animate what a restoration made.

        Args:
            source: a restoration.
            graph: its name; None for the default one.
            claim: names the attempt.

        Raises:
            AttemptNotSelectable: the restoration has not succeeded.
            PromptRefused: nothing is made of what is asked for in words.
            ScreeningUnavailable: nobody can judge the words at present.
        """
        if source.master_key is None:
            raise AttemptNotSelectable
        attempt_id = claim.new_id("attempt")
        pack = graphs.animation_pack(
            self._settings.default_animation_graph if graph is None else graph,
            await self._known(),
        )
        parameters = graphs.parameters(pack, given, attempt_id=attempt_id)
        await self._judge(pack, parameters)
        return self._command(
            attempt_id,
            AttemptKind.ANIMATION,
            pack,
            parameters,
            source_id=source.id,
            source_key=source.master_key,
            deadline_seconds=self._settings.animation_deadline,
        )

    async def generation(
        self, job_id: UUID, mode: str, given: Given, claim: Claim, *, has_photo: bool
    ) -> AttemptCommand:
        """The command to make a picture of words, or of words and a job's photo.

        Args:
            mode: its name.
            claim: names the attempt.
            has_photo: whether the job has one.

        Raises:
            UnknownMode: there is none of that name.
            PromptRefused, ScreeningUnavailable: as of `animation`.
        """
        attempt_id = claim.new_id("attempt")
        pack = graphs.mode_pack(mode)
        parameters = graphs.parameters(pack, given, attempt_id=attempt_id, has_photo=has_photo)
        graphs.require_prompt(parameters)
        await self._judge(pack, parameters)
        return self._command(
            attempt_id,
            AttemptKind.GENERATION,
            pack,
            parameters,
            source_key=keys.working(job_id) if has_photo else None,
            deadline_seconds=self._settings.generation_deadline,
        )

    async def require_offered(self, command: AttemptCommand) -> None:
        """Refuse a command whose graph no pod can run.

        Raises:
            GraphUnavailable: says which backend it needs.
        """
        graphs.require_offered(load_pack(command.graph), await self._known())

    async def start(
        self, job: Job, command: AttemptCommand, claim: Claim, *, open_attempts: int
    ) -> AttemptView:
        """Start the attempt of a command, or find the one that an earlier try has started.

        Args:
            open_attempts: that the owner of the job has.

        Raises:
            TooManyOpenAttempts: there are as many as one user may have.
            GraphUnavailable: no pod can run its graph.
            WorkflowsUnavailable: the job's workflow did not answer in time.
            DatabaseUnavailable: the attempt may have been accepted, but could not be read.
        """
        if claim.is_repeated and (
            begun := await find_attempt(self._ports, job, command.attempt_id, command.kind)
        ):
            return begun
        self._quotas.require_attempt(open_attempts)
        await self.require_offered(command)
        photo_job = job_input(job, self._settings)
        accepted = await self._ports.jobs.begin(photo_job, command)
        # The workflow records the attempt too; it is written here so that the caller, who may ask
        # for it at once, finds it. Alone in its transaction: the workflow waits for its turn.
        render = render_input(photo_job, AcceptedAttempt(command=command, stamp=accepted.stamp))
        async with self._ports.database.transaction() as session:
            await attempts.record(session, attempts.queued(render))
        return await look_up_attempt(self._ports, job, command.attempt_id, command.kind)

    def _command(
        self,
        attempt_id: UUID,
        kind: AttemptKind,
        pack: GraphPack,
        parameters: Parameters,
        *,
        source_id: UUID | None = None,
        source_key: str | None,
        deadline_seconds: float,
    ) -> AttemptCommand:
        return AttemptCommand(
            attempt_id=attempt_id,
            kind=kind,
            graph=pack.name,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=parameters,
            source_id=source_id,
            source_key=source_key,
            max_retries=self._settings.max_retries,
            retry_backoff_base=self._settings.retry_backoff_base,
            deadline_seconds=deadline_seconds,
        )

    async def _restore_pack(self, graph: str | None) -> GraphPack:
        name = self._settings.default_graph if graph is None else graph
        return graphs.restore_pack(name, await self._known())

    async def _judge(self, pack: GraphPack, parameters: Parameters) -> None:
        """Have everything that was written for a model judged, all of it together."""
        if words := graphs.texts(pack, parameters):
            await self._ports.prompts.require_allowed(words)

    async def _known(self) -> Runnable:
        return await self._pod_graphs.known()


async def _starting(request: Request) -> Starting:
    return Starting(ports_of(request), settings_of(request), pod_graphs_of(request))


AttemptStarting = Annotated[Starting, Depends(_starting)]

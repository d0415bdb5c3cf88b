"""One user's photo: takes commands for as long as somebody sends them."""

import asyncio
from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.jobs import JobActivities
    from rekindle.contracts.jobs import (
        ANIMATE,
        CANCEL,
        GENERATE,
        PHOTO_JOB,
        RESTORE,
        SELECT,
        AcceptedAttempt,
        AttemptAccepted,
        AttemptCommand,
        CancelCommand,
        PhotoJobInput,
        SelectAttempt,
        SelectCommand,
        render_input,
    )
    from workflows_temporal import policies
    from workflows_temporal.renders import Renders


@workflow.defn(name=PHOTO_JOB)
class PhotoJob:
    """Handlers only note the wish and answer; the main loop carries it out.

    Closes after `idle_seconds` with nothing to do; a later command revives it. Renders are children
    that outlive it.
    """

    @workflow.init
    def __init__(self, job: PhotoJobInput) -> None:
        """Start with nothing to do."""
        self._job = job
        self._wishes: list[AcceptedAttempt] = []
        self._known: dict[UUID, AcceptedAttempt] = {}
        self._renders = Renders()

    @workflow.run
    async def run(self, job: PhotoJobInput) -> None:
        """Carry out wishes until there is nothing left to do for a while."""
        while True:
            await self._start_wishes()
            self._tell()
            if self._is_long:
                workflow.continue_as_new(job)  # renders under way outlive this run
            if not await self._something_happens() and self._quiet:
                return

    async def _something_happens(self) -> bool:
        """Wait for a wish, the end of a render or of this run; False after an idle period."""
        open_before = self._renders.open
        try:
            await workflow.wait_condition(
                lambda: bool(self._wishes) or self._renders.open != open_before or self._is_long,
                timeout=None if open_before else timedelta(seconds=self._job.idle_seconds),
                timeout_summary="close when idle",
            )
        except TimeoutError:
            return False
        return True

    @property
    def _quiet(self) -> bool:
        """Whether no command would be lost by ending this run now."""
        return not self._wishes and workflow.all_handlers_finished()

    @property
    def _is_long(self) -> bool:
        """Whether the history is long, and nothing would be lost by beginning a new one."""
        return self._quiet and workflow.info().is_continue_as_new_suggested()

    async def _start_wishes(self) -> None:
        while wishes := list(self._wishes):
            await asyncio.gather(
                *(self._renders.start(render_input(self._job, wish)) for wish in wishes)
            )
            del self._wishes[: len(wishes)]

    def _tell(self) -> None:
        workflow.set_current_details(
            f"{self._renders.open} rendering · {len(self._known)} accepted in this run"
        )

    @workflow.update(name=RESTORE)
    def restore(self, command: AttemptCommand) -> AttemptAccepted:
        """Accept a restoration. The same attempt id again is the same attempt."""
        return self._accept(command)

    def _accept(self, command: AttemptCommand) -> AttemptAccepted:
        wish = self._known.get(command.attempt_id)
        if wish is None:
            wish = AcceptedAttempt(command=command, stamp=_stamp())
            self._known[command.attempt_id] = wish
            self._wishes.append(wish)
        return AttemptAccepted(attempt_id=command.attempt_id, stamp=wish.stamp)

    @workflow.update(name=ANIMATE)
    def animate(self, command: AttemptCommand) -> AttemptAccepted:
        """Accept an animation, as `restore` does."""
        return self._accept(command)

    @workflow.update(name=GENERATE)
    def generate(self, command: AttemptCommand) -> AttemptAccepted:
        """Accept a generation, as `restore` does."""
        return self._accept(command)

    @workflow.update(name=CANCEL)
    async def cancel(self, command: CancelCommand) -> None:
        """Stop an attempt, also one that an earlier run of this job had started."""
        await workflow.wait_condition(
            lambda: all(wish.command.attempt_id != command.attempt_id for wish in self._wishes)
        )
        await self._renders.cancel(command.attempt_id)

    @workflow.update(name=SELECT)
    async def select(self, command: SelectCommand) -> None:
        """Choose a succeeded attempt; fails with the code of what is wrong."""
        choice = SelectAttempt(job_id=self._job.job_id, attempt_id=command.attempt_id)
        try:
            await workflow.execute_activity_method(
                JobActivities.select_attempt, choice, summary="select", **policies.RECORD
            )
        except ActivityError as failure:
            if isinstance(failure.cause, ApplicationError):
                raise failure.cause from None
            raise


def _stamp() -> str:
    """Names an attempt's objects: the time it was accepted, and enough chance to be alone."""
    return f"{workflow.now():%Y%m%dT%H%M%S}-{workflow.uuid4().hex[:8]}"

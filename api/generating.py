"""From words to a job with a generation: judged, taken in, started."""

from api.idempotency import Claim
from api.images import decoded_image
from api.intake import INTAKE_ERRORS, Intake
from api.starting import JUDGING_ERRORS, STARTING_ERRORS, Given, Starting
from rekindle.errors import InvalidRequest, UnknownGraph, UnknownMode
from rekindle.models import Attempt, Job
from rekindle.ports.identity import Principal
from rekindle.settings import Settings
from rekindle.wiring.api import ApiPorts

GENERATING_ERRORS = (
    UnknownMode,
    *JUDGING_ERRORS,
    *INTAKE_ERRORS,
    *(error for error in STARTING_ERRORS if error is not UnknownGraph),
)
"""What `Generating` raises."""


class Generating:
    """Makes jobs of words. One with a photo has it taken in as any other job's."""

    def __init__(self, ports: ApiPorts, settings: Settings, starting: Starting) -> None:
        """Work through these."""
        self._settings = settings
        self._starting = starting
        self._intake = Intake(ports, settings)

    async def generate(
        self,
        mode: str,
        given: Given,
        extra: Given,
        image: str | None,
        claim: Claim,
        principal: Principal,
    ) -> Attempt:
        """Start a generation in a job of its own, or find the one that an earlier try started.

        Nothing is stored and nothing is decoded before the words have been judged.

        Args:
            mode: its name.
            given: the prompt and the style, where they were set.
            extra: further parameters; not those again.
            image: the photo in base64; None for a picture of words alone.
            claim: names the job and the attempt.
            principal: whose they are.

        Raises:
            GENERATING_ERRORS: one of them.
        """
        if twice := sorted(given.keys() & extra.keys()):
            raise InvalidRequest(f"The parameter '{twice[0]}' is given twice.")
        job_id = claim.new_id("job")
        command = await self._starting.generation(
            job_id, mode, {**given, **extra}, claim, has_photo=image is not None
        )
        if not claim.is_repeated:  # what was begun is told even so
            await self._starting.require_offered(command)
        job = await self._job(image, claim, principal)
        # Counted before the job was made.
        return (await self._starting.start(job, command, claim, open_attempts=0)).attempt

    async def _job(self, image: str | None, claim: Claim, principal: Principal) -> Job:
        if image is None:
            return await self._intake.begin_without_photo(claim, principal)
        async with decoded_image(image, self._settings) as file:
            return await self._intake.take_in(file, "", claim, principal, starts_attempt=True)

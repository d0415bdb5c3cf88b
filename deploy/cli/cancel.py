"""`rekindle cancel`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deploy.cli.connection import open_api
from deploy.cli.options import DATA, ApiOption, DataOption, JobArgument, JsonOption, TokenOption
from deploy.cli.reporting import answer_json, reported

if TYPE_CHECKING:
    from deploy.cli.client import ApiClient, Attempt


def cancel(
    job: JobArgument,
    attempt: Annotated[
        UUID | None,
        typer.Argument(metavar="ATTEMPT", help="One of its attempts; all open ones by default."),
    ] = None,
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Stop what runs for a job, and wait until it has ended. What has ended stays as it is."""
    with reported(as_json=as_json), open_api(api, token, data) as client:
        ended = _stop(client, _chosen(client, str(job), attempt))
        if as_json:
            answer_json({"job_id": str(job), "attempts": [each.document for each in ended]})
        elif not ended:
            typer.echo("Nothing to cancel: every attempt has ended.")
        for each in () if as_json else ended:
            typer.echo(f"{each.id}  {each.status}")


def _chosen(client: "ApiClient", job_id: str, attempt_id: UUID | None) -> list["Attempt"]:
    if attempt_id is not None:
        return [client.attempt(job_id, str(attempt_id))]
    return [attempt for attempt in client.attempts(job_id) if not attempt.is_final]


def _stop(client: "ApiClient", attempts: list["Attempt"]) -> list["Attempt"]:
    from deploy.cli.following import follow_attempt, progress_bars

    asked = [client.cancel(attempt) for attempt in attempts]  # all, before any is waited for
    with progress_bars() as bars:
        return [follow_attempt(client, attempt, bars) for attempt in asked]

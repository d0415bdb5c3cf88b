"""`rekindle delete` and `rekindle undelete`."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from deploy.cli.failures import NotConfirmed
from deploy.cli.options import DATA, ApiOption, DataOption, JsonOption, TokenOption
from deploy.cli.reporting import answer_json, notes, reported

JobArgument = Annotated[UUID, typer.Argument(metavar="JOB", help="The id of a job.")]


def delete(
    job: JobArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Delete a job: its photo and everything that was made of it. Asks first.

    What runs for it is stopped at once. Until the time that is shown it can be had back.
    """
    from deploy.cli.client import ApiClient
    from deploy.cli.connection import connect

    with reported(as_json=as_json):
        _confirm(job, is_sure=yes, may_ask=not as_json)
        with ApiClient(connect(api, token, data)) as client:
            gone = client.delete(str(job))
        if as_json:
            answer_json(gone)
        elif gone["links"]["undo"] is None:
            typer.echo(f"{job}  deleted for good")
        else:
            typer.echo(f"{job}  deleted; until {gone['undo_until']}: rekindle undelete {job}")


def undelete(
    job: JobArgument,
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Have a deleted job back, while there is time. What was stopped stays stopped."""
    from deploy.cli.client import ApiClient
    from deploy.cli.connection import connect

    with reported(as_json=as_json), ApiClient(connect(api, token, data)) as client:
        back = client.undelete(str(job))
        if as_json:
            answer_json(back)
        else:
            typer.echo(f"{job}  {back['status']}")


def _confirm(job: UUID, *, is_sure: bool, may_ask: bool) -> None:
    if is_sure:
        return
    sentence = f"The photo of {job}, and everything that was made of it, will be gone."
    if not may_ask or not sys.stdin.isatty():
        raise NotConfirmed(f"{sentence} Give --yes to have it done.")
    notes.print(sentence)
    if not typer.confirm("Do it?", err=True):
        raise NotConfirmed("Nothing was done.")

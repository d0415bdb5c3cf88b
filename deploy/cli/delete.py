"""`rekindle delete` and `rekindle undelete`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.confirming import confirm
from deploy.cli.connection import open_api
from deploy.cli.options import DATA, ApiOption, DataOption, JobArgument, JsonOption, TokenOption
from deploy.cli.reporting import answer_json, reported


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
    with reported(as_json=as_json):
        what = f"The photo of {job}, and everything that was made of it, will be gone."
        confirm(what, is_sure=yes, may_ask=not as_json)
        with open_api(api, token, data) as client:
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
    with reported(as_json=as_json), open_api(api, token, data) as client:
        back = client.undelete(str(job))
        if as_json:
            answer_json(back)
        else:
            typer.echo(f"{job}  {back['status']}")

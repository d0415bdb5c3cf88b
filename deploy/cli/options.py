"""Options that several commands share."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

DATA = ".rekindle/dev"

JobArgument = Annotated[UUID, typer.Argument(metavar="JOB", help="The id of a job.")]
DataOption = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="Folder of the running `rekindle dev`.")
]
ApiOption = Annotated[
    str | None,
    typer.Option(
        "--api",
        metavar="URL",
        envvar="REKINDLE_API",
        help="Address of the API; that of a running `rekindle dev` by default.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="REKINDLE_TOKEN",
        help="Access token for the API; better set REKINDLE_TOKEN than type it.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object; everything else goes to stderr.")
]

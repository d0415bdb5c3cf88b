"""`rekindle token`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.connection import connect
from deploy.cli.options import DATA, DataOption
from deploy.cli.reporting import reported


def token(
    data: DataOption = Path(DATA),
    operator: Annotated[
        bool, typer.Option("--operator", help="Of the operator instead of the developer.")
    ] = False,
) -> None:
    """Print an access token for the API of a running `rekindle dev`, for use with curl."""
    with reported():
        typer.echo(connect(None, None, data, operator=operator).token)

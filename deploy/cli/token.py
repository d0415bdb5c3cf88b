"""`rekindle token`."""

from pathlib import Path

import typer

from deploy.cli.options import DATA, DataOption
from deploy.cli.reporting import reported


def token(data: DataOption = Path(DATA)) -> None:
    """Print an access token for the API of a running `rekindle dev`, for use with curl."""
    from deploy.cli.connection import connect

    with reported():
        typer.echo(connect(None, None, data).token)

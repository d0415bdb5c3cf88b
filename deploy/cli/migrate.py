"""`rekindle migrate`."""

from typing import Annotated

import typer

from deploy.cli.reporting import reported
from deploy.cli.settings import read_settings


def migrate(
    to: Annotated[
        str, typer.Option(metavar="REVISION", help="A revision, `head`, or `base` for no tables.")
    ] = "head",
) -> None:
    """Bring the database at DATABASE_URL to a revision, upwards or downwards."""
    from alembic.util import CommandError
    from sqlalchemy.exc import OperationalError

    from deploy.cli.failures import CommandFailed, Unreachable
    from rekindle.store.schema import migrate as move

    with reported():
        try:
            revision = move(read_settings().database_url.get_secret_value(), to=to)
        except OperationalError as error:
            raise Unreachable(f"The database does not answer: {error.orig}") from error
        except CommandError as error:
            raise CommandFailed(f"There is no way to revision {to}: {error}") from error
        typer.echo(f"The database is at revision {revision or 'base'}.")

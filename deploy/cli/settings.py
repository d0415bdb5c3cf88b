"""`rekindle settings`, and reading them for the other commands."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rekindle.settings import Settings


def settings() -> None:
    """Print every setting with its meaning and default, ready to become an .env file."""
    from rekindle.settings import as_template

    typer.echo(as_template(), nl=False)


def read_settings() -> "Settings":
    """The settings of whoever typed the command; see `rekindle.settings.read_settings`."""
    from rekindle import settings  # imported late: `--help` is quick without it

    return settings.read_settings()

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
    """The settings of whoever typed the command, from the environment and `.env`.

    Raises:
        SettingsInvalid: says which are wrong; never shows a value, which may be a secret.
    """
    from pydantic import ValidationError

    from rekindle.errors import SettingsInvalid
    from rekindle.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsInvalid("\n".join(["These settings are wrong:", *wrong])) from None

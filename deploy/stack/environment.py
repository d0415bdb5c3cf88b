"""Settings as the environment of a process that reads them again."""

import os
from pathlib import Path

from pydantic import SecretStr

from deploy.embedded.service import clean_environment
from rekindle.settings import Settings

# Where certificates, proxies and scratch files are, is a fact of the machine, not a setting.
OF_THE_MACHINE = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "TMPDIR",
    "PYTHONDONTWRITEBYTECODE",
)


def python_environment(home: Path) -> dict[str, str]:
    """An environment for a Python process of ours in which no setting of the person leaks.

    Args:
        home: what it shall take for the home folder.
    """
    kept = {name: os.environ[name] for name in OF_THE_MACHINE if name in os.environ}
    return clean_environment(home, PYTHONUNBUFFERED="1", **kept)


def as_environment(settings: Settings) -> dict[str, str]:
    """Variables from which `Settings()` reads the same settings again, secrets included."""
    variables: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is None or value in ("", ()):
            continue
        variables[name.upper()] = ",".join(value) if isinstance(value, tuple) else str(value)
    return variables

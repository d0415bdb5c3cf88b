"""The description as it is committed: the same on every machine, whatever its settings."""

import json
from pathlib import Path

from pydantic import SecretStr

from api.app import create_app
from rekindle.settings import Settings

COMMAND = "python -m api.openapi"
FILE = Path("openapi.json")
"""Where it lies, from the root of the repository."""

_VERSION = "1"
"""Of the API, as in its paths: a release that changes nothing here changes nothing there."""


def description() -> str:
    """The text of the file."""
    # `model_construct` reads no environment and no `.env`.
    settings = Settings.model_construct(
        secret_key=SecretStr("of no consequence, for nothing is served"),
        auth0_domain="https://issuer.example/",
        api_version=_VERSION,
    )
    document = create_app(settings).openapi()
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

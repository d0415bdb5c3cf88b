"""Keeps secrets out of what is shown."""

from dataclasses import replace
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from deploy.doctor.finding import Finding
from rekindle.settings import Settings
from rekindle.telemetry import scrub

_SHORTEST = 4
"""Shorter ones would blot out ordinary words."""


def without_secrets(findings: list[Finding], settings: Settings | None) -> list[Finding]:
    """The findings with every secret of the settings blotted out, should a text repeat one."""
    hidden = _secrets_of(settings) if settings else set()

    def clean(text: str) -> str:
        for secret in sorted(hidden, key=len, reverse=True):
            text = text.replace(secret, "***")
        return scrub(text)

    return [replace(each, found=clean(each.found), mend=clean(each.mend)) for each in findings]


def _secrets_of(settings: Settings) -> set[str]:
    values = [getattr(settings, name) for name in type(settings).model_fields]
    found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    for value in [*found, *(value for value in values if isinstance(value, str))]:
        found |= _passwords(value)
    return {secret for secret in found if len(secret) >= _SHORTEST}


def _passwords(address: str) -> set[str]:
    try:
        password = urlsplit(address).password
    except ValueError:
        return set()
    return {password, unquote(password)} if password else set()

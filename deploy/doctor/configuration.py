"""The settings themselves: right, strong enough, and spelled as we read them."""

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from deploy.doctor.finding import Finding, good, missing, warning
from rekindle.settings import REPLACED, Settings

LEAST_SECRET = 32
_FEWEST_CHARACTERS = 12
"""A random secret of that length holds more different ones."""
_LIKE = 0.8
_MAKE_A_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105


def names_set(environment: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """Every variable that is set, and where: `environment` or `.env`. No values."""
    found = {name.upper(): ".env" for name, value in dotenv_values(env_file).items() if value}
    found |= {name.upper(): "environment" for name, value in environment.items() if value}
    return found


async def settings_as_set(env_file: Path = Path(".env")) -> Sequence[Finding]:
    """Which settings are set, which of them do nothing, and which are spelled wrongly."""
    names = names_set(os.environ, env_file)
    ours = {name.upper() for name in Settings.model_fields}
    known = sorted(ours & names.keys())
    found = [good("settings", f"set: {', '.join(known)}" if known else "none set: all defaults")]
    for name, instead in REPLACED.items():
        if name in names:
            text = f"{name} is set ({names[name]}), but has no effect"
            found.append(warning("settings", text, f"It was replaced by {instead}"))
    for name, where in names.items():
        if where == ".env" and name not in ours | REPLACED.keys():
            found += _stranger(name, ours)
    return found


def _stranger(name: str, ours: set[str]) -> Sequence[Finding]:
    """A name in `.env` that is none of our settings; other programs may read that file too."""
    if name.startswith("TEMPORAL_"):
        return []  # Temporal's own environment configuration
    near = difflib.get_close_matches(name, ours, n=1, cutoff=_LIKE)
    if near:
        text = f"{name} in .env is none of our settings"
        return [warning("settings", text, f"Did you mean {near[0]}?")]
    return []


async def secret_key(settings: Settings) -> Sequence[Finding]:
    """The key of everything that we sign or hash."""
    secret = settings.secret_key.get_secret_value()
    if len(secret) < LEAST_SECRET:
        text = f"{len(secret)} characters, at least {LEAST_SECRET} are needed"
        return [missing("SECRET_KEY", text, f"Make one: {_MAKE_A_SECRET}")]
    different = len(set(secret))
    if different < _FEWEST_CHARACTERS:
        text = f"only {different} different characters: that can be guessed"
        return [warning("SECRET_KEY", text, f"Make a random one: {_MAKE_A_SECRET}")]
    return [good("SECRET_KEY", f"{len(secret)} characters")]

"""Private files of the data directory: written whole or not at all, readable by the owner only."""

import os
import secrets
from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Make the directory for the owner only, and close it to others if it was open."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; a crash leaves the old or the new content, never a part."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def read_or_make_secret(path: Path) -> str:
    """The secret kept in the file, made of 256 random bits the first time."""
    try:
        path.chmod(0o600)
        secret = path.read_text("utf-8").strip()
    except FileNotFoundError:
        secret = secrets.token_urlsafe(32)
        write_private(path, secret)
    if len(secret) < 32:
        raise ValueError(f"{path} holds less than 32 characters; delete it to have it made again")
    return secret

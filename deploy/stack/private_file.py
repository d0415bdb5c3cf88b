"""Files that only their owner may read, replaced in one step."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write the whole file or nothing of it, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    draft.replace(path)


def read_or_make_secret(path: Path, prefix: str = "") -> str:
    """The secret kept in that file; 256 random bits are written there the first time.

    Args:
        path: of the file; its folder exists.
        prefix: with which a new secret begins; letters and digits follow.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        secret = prefix + secrets.token_hex(32)
        write_private(path, secret)
        return secret

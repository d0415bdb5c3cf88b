"""Random names of things."""

from __future__ import annotations

import secrets
import string

_LETTERS = string.ascii_lowercase + string.digits


def new_id(length: int) -> str:
    """An id of lower-case letters and digits, such as ``7h9k2m4n6p``."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def new_key() -> str:
    """An API key in the vendor's form."""
    return "rpa_" + secrets.token_hex(24).upper()

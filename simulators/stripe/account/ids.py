"""Ids in the vendor's form: a prefix that says what it is, then letters and digits."""

from __future__ import annotations

import secrets
import string

_LETTERS = string.ascii_letters + string.digits
_LENGTHS = {"cs_test_": 58}


def new_id(prefix: str) -> str:
    """An id such as ``pi_3TzXk0...``; ``prefix`` ends in an underscore."""
    length = _LENGTHS.get(prefix, 24)
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))

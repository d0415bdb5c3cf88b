"""The text of an API key: `rk_{id}_{secret}`, both in hex digits.

The id names the row, so one read finds it, and a key that leaked tells which one to revoke. The
fixed beginning and length let secret scanners find it: `rk_[0-9a-f]{32}_[0-9a-f]{64}`.

Only the SHA-256 of the text is kept. A slow or keyed hash would add nothing against a guess among
2**256, and a keyed one would make every key void when `SECRET_KEY` is changed.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

PREFIX = "rk_"
SECRET_BYTES = 32
MOST_KEYS = 50
"""How many keys that are in force one user may have."""
USE_NOTED_SECONDS = 60
"""How often, at most, a key's use is written down."""
TRUSTED_SECONDS = 60
"""How long an event stream that was opened with a key lives: a revocation reaches it by then."""

_TEXT = re.compile(rf"{PREFIX}([0-9a-f]{{32}})_[0-9a-f]{{{2 * SECRET_BYTES}}}")


@dataclass(frozen=True, slots=True)
class SentKey:
    """A key as it came, without its secret."""

    id: UUID
    sha256: bytes

    def is_kept_as(self, sha256: bytes) -> bool:
        """Whether it is the key whose hash was kept; takes the same time for every wrong one."""
        return hmac.compare_digest(self.sha256, sha256)


def looks_like_key(token: str) -> bool:
    """Whether a bearer token means to be an API key; a JWT begins with `eyJ`."""
    return token.startswith(PREFIX)


def read_key(token: str) -> SentKey | None:
    """What a bearer token says of itself; None when it is no API key."""
    found = _TEXT.fullmatch(token)
    return None if found is None else SentKey(UUID(found[1]), sha256_of(token))


def key_text(key_id: UUID, secret: bytes) -> str:
    """What the owner of a key is shown, once.

    Args:
        key_id: of its row.
        secret: so many random bytes as `SECRET_BYTES` says.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes")
    return f"{beginning(key_id)}_{secret.hex()}"


def beginning(key_id: UUID) -> str:
    """How the text of that key begins: enough to recognize it, and no secret."""
    return f"{PREFIX}{key_id.hex}"


def sha256_of(text: str) -> bytes:
    """What is kept of a key's text."""
    return hashlib.sha256(text.encode()).digest()

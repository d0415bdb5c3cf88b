"""Opaque stand-ins for people: what may appear in workflow histories instead of an id."""

import hashlib
import hmac
from uuid import UUID


def fairness_key(user_id: UUID, secret: str) -> str:
    """Sixteen hex digits that are the same for all work of one user and tell nothing else."""
    return hmac.new(secret.encode(), user_id.bytes, hashlib.sha256).hexdigest()[:16]

"""What a caller may do, and opaque stand-ins for people in workflow histories."""

import hashlib
import hmac
from uuid import UUID

OPERATE = "rekindle:operate"
"""The scope of operators, whom routes under `/api/v1/operator` serve.

The issuer decides who has it. Auth0 puts it into `permissions` when the API has RBAC and "Add
Permissions in the Access Token" switched on; without RBAC it grants any of the API's scopes to
whoever asks for them, so RBAC must be on before this scope is defined there.
"""


def may_operate(scopes: frozenset[str]) -> bool:
    """Whether these scopes make an operator."""
    return OPERATE in scopes


def fairness_key(user_id: UUID, secret: str) -> str:
    """Sixteen hex digits that are the same for all work of one user and tell nothing else."""
    return hmac.new(secret.encode(), user_id.bytes, hashlib.sha256).hexdigest()[:16]

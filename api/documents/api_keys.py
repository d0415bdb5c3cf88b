"""API keys as their users and operators see them; the secret only when one is made."""

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.documents import examples
from rekindle.models import ApiKey
from rekindle.rules.api_keys import beginning

PathOf = Callable[[UUID], str]
"""Where the reader of a document finds a key."""


class ApiKeyLinks(BaseModel):
    """What can be done with a key."""

    revoke: str = Field(description="DELETE there; the next request with the key is refused.")


class ApiKeyDocument(BaseModel):
    """One key, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.API_KEY]})

    id: UUID
    name: str
    user: str = Field(description="As whom it acts: the subject in the tokens of its maker.")
    begins_with: str = Field(description="The key's text up to its secret.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To about a minute.")
    revoked_at: datetime | None
    links: ApiKeyLinks


class NewApiKeyDocument(ApiKeyDocument):
    """A key that was just made, with its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NEW_API_KEY]})

    key: str = Field(description="Send it as `Authorization: Bearer`. It is never shown again.")


class ApiKeyList(BaseModel):
    """Keys: those in force first, then the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.API_KEYS]})

    api_keys: list[ApiKeyDocument]


def api_key_document(row: ApiKey, user: str, path_of: PathOf) -> ApiKeyDocument:
    """The document of a key.

    Args:
        row: its row.
        user: the subject whose key it is.
        path_of: where the reader finds it.
    """
    return ApiKeyDocument(
        id=row.id,
        name=row.name,
        user=user,
        begins_with=beginning(row.id),
        scopes=row.scopes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        links=ApiKeyLinks(revoke=path_of(row.id)),
    )


def api_key_list(found: Iterable[tuple[ApiKey, str]], path_of: PathOf) -> ApiKeyList:
    """The document of several, each with the subject whose it is."""
    return ApiKeyList(api_keys=[api_key_document(row, user, path_of) for row, user in found])

"""API keys: made and revoked by their users, seen and revoked by operators."""

import secrets
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, status
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api import paths
from api.dependencies import AppSettings, Ports
from api.documents.api_keys import (
    ApiKeyList,
    NewApiKeyDocument,
    api_key_document,
    api_key_list,
)
from api.idempotency import CurrentClaim, keep_no_reply
from api.identity import CurrentPrincipal, Operator, SignedIn, guarded_router, operator_router
from api.problems import command_problems, guarded_problems, operator_problems
from rekindle.errors import (
    ApiKeyAlreadyUsed,
    ApiKeyNotFound,
    Forbidden,
    TooManyApiKeys,
)
from rekindle.models import ApiKey
from rekindle.rules.api_keys import MOST_KEYS, SECRET_BYTES, key_text, sha256_of
from rekindle.store import api_keys, users

router = guarded_router("api keys")
operator = operator_router("operators")

_MOST_LISTED = 100


def _printable(text: str) -> str:
    """Nothing that breaks a line, a terminal or Postgres."""
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


Printable = Annotated[str, AfterValidator(_printable)]
Scope = Annotated[str, Field(max_length=100, pattern=r"^[!#-\[\]-~]+$")]
"""RFC 6749, 3.3."""


class ApiKeyRequest(BaseModel):
    """What key to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "album server", "expires_in_days": 90}]},
    )

    name: Printable = Field(min_length=1, max_length=100, description="To recognize it by.")
    scopes: list[Scope] = Field(
        default_factory=list,
        max_length=20,
        description="None that your own token has not; a key without any can do what every user "
        "can.",
    )
    expires_in_days: int | None = Field(
        None, ge=1, le=3650, description="Left out, it is good until it is revoked."
    )

    @property
    def lasts(self) -> timedelta | None:
        """How long it is to last."""
        return None if self.expires_in_days is None else timedelta(days=self.expires_in_days)


@router.post(
    paths.API_KEYS,
    status_code=status.HTTP_201_CREATED,
    responses=command_problems(Forbidden, TooManyApiKeys, ApiKeyAlreadyUsed),
)
async def make_api_key(
    wish: ApiKeyRequest, principal: SignedIn, claim: CurrentClaim, ports: Ports, request: Request
) -> NewApiKeyDocument:
    """Make a key for a program that acts as you. Its text is in this reply and nowhere else.

    A key cannot make keys: sign in for that. Sent again under its `Idempotency-Key`, because the
    reply was lost, it is the same key with a new secret, as long as nobody has used it.
    """
    if not principal.scopes.issuperset(wish.scopes):
        raise Forbidden("a key may not have scopes that its maker has not")
    key_id = claim.new_id("api_key")
    text = key_text(key_id, secrets.token_bytes(SECRET_BYTES))
    async with ports.database.transaction() as session:
        # It also locks the user's row, so that two keys at once are counted one after the other.
        user_id = await users.remember(session, issuer=principal.issuer, subject=principal.subject)
        if await api_keys.count_others(session, user_id, key_id) >= MOST_KEYS:
            raise TooManyApiKeys
        row = ApiKey(
            id=key_id,
            user_id=user_id,
            name=wish.name,
            sha256=sha256_of(text),
            scopes=sorted(set(wish.scopes)),
        )
        made = await api_keys.make(session, row, lasts=wish.lasts)
    if made is None:
        raise ApiKeyAlreadyUsed
    keep_no_reply(request)
    document = api_key_document(made, principal.subject, paths.api_key)
    return NewApiKeyDocument(**document.model_dump(), key=text)


@router.get(paths.API_KEYS, responses=guarded_problems())
async def list_api_keys(principal: CurrentPrincipal, ports: Ports) -> ApiKeyList:
    """Your own keys, without their secrets; the last hundred."""
    async with ports.database.transaction() as session:
        found = await api_keys.listed(
            session, issuer=principal.issuer, subject=principal.subject, limit=_MOST_LISTED
        )
    return api_key_list(found, paths.api_key)


@router.delete(
    paths.API_KEY,
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded_problems(ApiKeyNotFound),
)
async def revoke_api_key(key_id: UUID, principal: CurrentPrincipal, ports: Ports) -> None:
    """Revoke a key of yours: the next request with it is refused. Saying so again is no error."""
    async with ports.database.transaction() as session:
        revoked_at = await api_keys.revoke(
            session, key_id, issuer=principal.issuer, subject=principal.subject
        )
    if revoked_at is None:
        raise ApiKeyNotFound


@operator.get(paths.OPERATOR_API_KEYS, responses=operator_problems())
async def list_anybodys_api_keys(
    _operator: Operator,
    ports: Ports,
    settings: AppSettings,
    user: Annotated[
        Printable | None, Query(max_length=255, description="Only of this subject.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most keys.")] = _MOST_LISTED,
) -> ApiKeyList:
    """Keys of everybody, or of one user, without their secrets."""
    async with ports.database.transaction() as session:
        found = await api_keys.listed(session, issuer=settings.issuer, subject=user, limit=limit)
    return api_key_list(found, paths.operator_api_key)


@operator.delete(
    paths.OPERATOR_API_KEY,
    status_code=status.HTTP_204_NO_CONTENT,
    responses=operator_problems(ApiKeyNotFound),
)
async def revoke_anybodys_api_key(
    key_id: UUID, _operator: Operator, ports: Ports, settings: AppSettings
) -> None:
    """Revoke anybody's key: the next request with it is refused. Saying so again is no error."""
    async with ports.database.transaction() as session:
        revoked_at = await api_keys.revoke(session, key_id, issuer=settings.issuer, subject=None)
    if revoked_at is None:
        raise ApiKeyNotFound

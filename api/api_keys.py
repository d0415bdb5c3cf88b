"""A bearer token that is an API key: whose it is, and whether it is good."""

from uuid import UUID

import structlog

from rekindle.errors import ExpiredToken, InvalidToken
from rekindle.ports.identity import Principal
from rekindle.rules.api_keys import TRUSTED_SECONDS, SentKey, read_key
from rekindle.store import api_keys
from rekindle.store.api_keys import FoundKey
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)


async def principal_of_key(token: str, database: Database, *, issuer: str) -> Principal:
    """Whom a key stands for: its user, with the key's own scopes.

    One statement, and once a minute another that notes the use. Nothing is remembered between
    requests, so a revocation counts for the very next one.

    Args:
        token: what stands after `Bearer `; it looks like a key.
        database: where the keys are.
        issuer: whose people may come; keys of another issuer's are void.

    Raises:
        InvalidToken: it is no key of ours, or was revoked.
        ExpiredToken: its time is over.
        DatabaseUnavailable: nobody can tell.
    """
    sent = read_key(token)
    if sent is None:
        raise InvalidToken("the bearer token has not the form of an API key")
    async with database.transaction() as session:
        found = _judged(sent, await api_keys.find(session, sent.id), issuer)
        if found.is_use_due:
            await api_keys.note_use(session, sent.id)
    return _principal(found)


def _judged(sent: SentKey, found: FoundKey | None, issuer: str) -> FoundKey:
    # The hash comes first: whoever has not the whole key learns nothing about it.
    if found is None or not sent.is_kept_as(found.row.sha256) or found.issuer != issuer:
        raise InvalidToken("there is no such API key")
    if found.row.revoked_at is not None:
        _note_refusal("a revoked API key was sent", sent.id)
        raise InvalidToken("the API key was revoked")
    if found.has_expired:
        raise ExpiredToken("the API key has expired")
    return found


def _note_refusal(what: str, key_id: UUID) -> None:
    """For operators: somebody holds on to it, rightly or not."""
    _LOG.warning(what, api_key=str(key_id))


def _principal(found: FoundKey) -> Principal:
    trusted_until = int(found.looked_at.timestamp()) + TRUSTED_SECONDS
    if found.row.expires_at is not None:
        trusted_until = min(trusted_until, int(found.row.expires_at.timestamp()))
    return Principal(
        issuer=found.issuer,
        subject=found.subject,
        scopes=frozenset(found.row.scopes),
        authorized_party=None,
        expires_at=trusted_until,
        api_key=found.row.id,
    )

"""The document of who is calling."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.browser_sessions import csrf_token_of
from rekindle.ports.identity import Principal
from rekindle.rules.identity import may_operate
from rekindle.settings import Settings
from rekindle.store.browser_sessions import FoundSession


class SessionLinks(BaseModel):
    """Where to go from here."""

    sign_out: str | None = Field(
        description="Where a form with `csrf_token` signs a browser out; null without a cookie."
    )


class SessionDocument(BaseModel):
    """Who is calling, and by what."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subject": "auth0|507f1f77bcf86cd799439020",
                    "is_operator": False,
                    "scopes": ["openid"],
                    "csrf_token": "5e" * 32,
                    "expires_at": "2026-01-01T12:00:00Z",
                    "links": {"sign_out": "/sign-out"},
                }
            ]
        }
    )

    subject: str = Field(description="Who it is, as the sign-in service calls them.")
    is_operator: bool
    scopes: list[str]
    csrf_token: str | None = Field(
        description="What a page of ours sends in `X-CSRF-Token` with everything that is no GET; "
        "the same as long as the session lasts. Null without a cookie: bearers need none."
    )
    expires_at: datetime = Field(description="When the caller has to sign in again at the latest.")
    links: SessionLinks


def session_document(
    principal: Principal, found: FoundSession | None, settings: Settings
) -> SessionDocument:
    """The document of a caller.

    Args:
        principal: the caller.
        found: their session; None where they sent a token or a key.
        settings: whose key signs the CSRF token.
    """
    until = datetime.fromtimestamp(principal.expires_at, UTC)
    return SessionDocument(
        subject=principal.subject,
        is_operator=may_operate(principal.scopes),
        scopes=sorted(principal.scopes),
        csrf_token=csrf_token_of(found, settings) if found else None,
        expires_at=found.row.expires_at if found else until,
        links=SessionLinks(sign_out=paths.SIGN_OUT if found else None),
    )

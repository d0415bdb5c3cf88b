"""A cookie instead of a bearer token: whose it is, whether it is good, and who sent it.

Browsers send cookies along whoever asks them to. So what changes something needs two signs that it
was a page of ours: the origin that the browser names, and a token that only our pages could read.
"""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers

from api.cookies import SESSION, cookie_of
from api.dependencies import ports_of, settings_of
from rekindle.errors import CsrfRefused, SessionEnded
from rekindle.ports.identity import Principal
from rekindle.rules.browser_sessions import (
    TRUSTED_SECONDS,
    csrf_token,
    is_csrf_token,
    looks_like_value,
    sha256_of,
)
from rekindle.settings import Settings
from rekindle.store import browser_sessions
from rekindle.store.browser_sessions import FoundSession

CSRF = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def principal_of_cookie(request: Request) -> Principal:
    """Who the caller of a guarded route is, by their session.

    One statement, and once a minute another that notes the use. Nothing is remembered between
    requests, so signing out counts for the very next one.

    Raises:
        SessionEnded: there is no such session, or not any more.
        CsrfRefused: it changes something, and may not come from a page of ours.
        DatabaseUnavailable: nobody can tell.
    """
    if request.method not in _SAFE:
        refuse_foreign_page(request, request.headers.get(CSRF, ""))
    found = await session_of(request)
    if found is None:
        raise SessionEnded
    request.state.browser_session = found
    trusted_until = int(found.looked_at.timestamp()) + TRUSTED_SECONDS
    return Principal(
        issuer=found.issuer,
        subject=found.subject,
        scopes=frozenset(found.row.scopes),
        authorized_party=settings_of(request).oidc_client_id,
        expires_at=min(trusted_until, int(found.row.expires_at.timestamp())),
    )


async def session_of(request: Request) -> FoundSession | None:
    """The session of the request's cookie; None when there is none, or it has ended.

    Raises:
        DatabaseUnavailable: nobody can tell.
    """
    sha256, settings = sha256_of_cookie(request), settings_of(request)
    if sha256 is None or ports_of(request).sign_ins is None:
        return None
    async with ports_of(request).database.transaction() as session:
        found = await browser_sessions.find(session, sha256)
        if found is None or found.issuer != settings.issuer:
            return None
        if found.has_ended(idle=settings.session_idle):
            await browser_sessions.end(session, sha256)
            return None
        if found.is_use_due:
            await browser_sessions.note_use(session, sha256)
    return found


def sha256_of_cookie(request: Request) -> bytes | None:
    """The hash of the request's session cookie; None when it has none of ours."""
    value = cookie_of(request, SESSION)
    return sha256_of(value) if value is not None and looks_like_value(value) else None


def csrf_token_of(found: FoundSession, settings: Settings) -> str:
    """What pages of ours send along in `X-CSRF-Token`."""
    return csrf_token(found.row.sha256, settings.secret_key.get_secret_value())


def refuse_foreign_page(request: Request, given: str) -> None:
    """Refuse a request with a cookie that another page may have caused.

    Args:
        request: with the session's cookie.
        given: the CSRF token that came along, in a header or a form.

    Raises:
        CsrfRefused: the browser names another page, or none, or the token is not the session's.
    """
    settings = settings_of(request)
    if not _is_own_page(request.headers, settings.public_address):
        raise CsrfRefused("the request comes from a page of another origin, or of none")
    sha256 = sha256_of_cookie(request)
    if sha256 is None:
        return  # there is no session that could be misused
    if not is_csrf_token(given, sha256, settings.secret_key.get_secret_value()):
        raise CsrfRefused("the CSRF token is missing or another session's")


def _is_own_page(headers: Headers, public_address: str) -> bool:
    """Whether the browser says that a page of ours asked for this.

    `Sec-Fetch-Site` says it best. Without it `Origin` must; beside it, a form of a page without
    referrers says `null` there (Fetch, 3.2).
    """
    site, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
    own = urlsplit(public_address)
    accepted = {f"{own.scheme}://{own.netloc}"}
    if not site:
        return len(origins) == 1 and origins[0] in accepted
    return site == ["same-origin"] and set(origins) <= accepted | {"null"}

"""The pages by which people sign in and out with a browser."""

from typing import Annotated
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from api import paths
from api.browser_sessions import (
    CSRF,
    csrf_token_of,
    refuse_foreign_page,
    session_of,
    sha256_of_cookie,
)
from api.cookies import SESSION, SIGN_IN, cookie_of, drop_cookie, set_cookie
from api.dependencies import ports_of, settings_of
from api.page_routes import PageRoute, html_page
from api.sign_in import LASTS, BegunSignIn, begin, sealed, unsealed
from api.sign_in_pages import CSRF_FIELD, account_page, signed_out_page
from rekindle.errors import (
    InvalidRequest,
    IssuerUnavailable,
    SignInDeclined,
    SignInDisabled,
    SignInFailed,
)
from rekindle.ports.identity import Principal
from rekindle.ports.sign_in import SignInAnswer, SignIns
from rekindle.rules.browser_sessions import new_value, sha256_of
from rekindle.rules.sign_in import is_local_path
from rekindle.store import browser_sessions, users

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_LOG = structlog.get_logger(__name__)
_LONGEST_CODE = 2048
_SEE_OTHER = 303


@router.get(paths.SIGN_IN)
async def begin_sign_in(
    request: Request,
    next_path: Annotated[str, Query(alias="next")] = paths.ACCOUNT,
    moved: Annotated[str, Query()] = "",
) -> Response:
    """Send a browser to the issuer, and remember where it is to go afterwards.

    One that knows us by another name than the issuer does (`localhost` for 127.0.0.1) begins at
    that address: it would not send the cookie of one name to the other. It is `moved` once, since
    behind a proxy that changes the name all requests look as if they came to another one.
    """
    sign_ins = _sign_ins(request)
    if not is_local_path(next_path):
        raise InvalidRequest("next is no path of this service")
    request.state.next_path = next_path
    if not (moved or _is_called_by_its_name(request)):
        return _see(_by_its_name(request, next_path))
    begun = begin(next_path)
    response = _see(await sign_ins.address(begun.secrets))
    set_cookie(request, response, SIGN_IN, sealed(begun, _secret(request)), lasts=LASTS)
    return response


@router.get(paths.SIGN_IN_CALLBACK)
async def finish_sign_in(
    request: Request, state: str = "", code: str = "", error: str = "", iss: str | None = None
) -> Response:
    """Take a browser back from the issuer, and begin a session for it.

    A sign-in that came to an end, good or bad, is not gone on with; one that met a service which is
    away may be: the same address is asked again.
    """
    sign_ins = _sign_ins(request)
    request.state.next_path = paths.ACCOUNT
    begun = _begun(request, state)
    request.state.next_path = begun.next_path
    try:
        if error:
            raise SignInDeclined(f"the issuer answered {error[:80]!a}")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInFailed("the answer has no code")
        answer = SignInAnswer(code=code, issuer=iss)
        principal = await sign_ins.redeem(answer, begun.secrets)
    except (SignInDeclined, SignInFailed):
        request.state.void_cookies = (SIGN_IN,)
        raise
    response = _see(begun.next_path)
    await _begin_session(request, response, principal)
    drop_cookie(request, response, SIGN_IN)
    return response


@router.post(paths.SIGN_OUT)
async def sign_out(request: Request) -> Response:
    """End a session here, then at the issuer. Saying so again is no error."""
    refuse_foreign_page(request, await _csrf_token(request))
    sha256 = sha256_of_cookie(request)
    if sha256 is not None:
        async with ports_of(request).database.transaction() as session:
            await browser_sessions.end(session, sha256)
    response = _see(await _sign_out_address(request) or paths.ACCOUNT)
    drop_cookie(request, response, SESSION)
    return response


@router.get(paths.ACCOUNT)
async def show_account(request: Request) -> Response:
    """Say who is signed in with this browser."""
    _sign_ins(request)
    found, settings = await session_of(request), settings_of(request)
    if found is None:
        return html_page(signed_out_page(settings.api_title))
    html = account_page(settings.api_title, found.subject, csrf_token_of(found, settings))
    response = html_page(html, form_targets=await _form_targets(request))
    response.headers["Referrer-Policy"] = "same-origin"  # else its form would have no origin
    return response


def _sign_ins(request: Request) -> SignIns:
    sign_ins = ports_of(request).sign_ins
    if sign_ins is None:
        raise SignInDisabled
    return sign_ins


def _is_called_by_its_name(request: Request) -> bool:
    own = urlsplit(settings_of(request).public_address).netloc
    return request.headers.get("host", "").lower() == own.lower()


def _by_its_name(request: Request, next_path: str) -> str:
    """Where a sign-in begins whose answer will find the cookie."""
    wanted = urlencode({"next": next_path, "moved": "1"})
    return f"{settings_of(request).public_address}{paths.SIGN_IN}?{wanted}"


def _begun(request: Request, state: str) -> BegunSignIn:
    """The sign-in of this browser that an answer belongs to."""
    cookie = cookie_of(request, SIGN_IN)
    if cookie is None:
        raise SignInFailed("this browser has begun no sign-in, or took too long over it")
    begun = unsealed(cookie, _secret(request))
    if not begun.belongs_to(state):
        raise SignInFailed("the answer is to another sign-in than this browser's")
    return begun


async def _begin_session(request: Request, response: Response, principal: Principal) -> None:
    """Write a session under a value that nobody had before; the one before it ends."""
    value, before = new_value(), sha256_of_cookie(request)
    lasts = settings_of(request).session_life
    async with ports_of(request).database.transaction() as session:
        user_id = await users.remember(session, issuer=principal.issuer, subject=principal.subject)
        if before is not None:
            await browser_sessions.end(session, before)
        await browser_sessions.begin(
            session, sha256_of(value), user_id, scopes=sorted(principal.scopes), lasts=lasts
        )
    set_cookie(request, response, SESSION, value, lasts=lasts)


async def _csrf_token(request: Request) -> str:
    """What came along in the header, or else in the form: forms cannot set headers."""
    given = request.headers.get(CSRF)
    if given is not None:
        return given
    async with request.form(max_files=0, max_fields=10) as form:
        return str(form.get(CSRF_FIELD, ""))


async def _sign_out_address(request: Request) -> str | None:
    """Where a session at the issuer ends; None where that is nowhere, or not known."""
    sign_ins = ports_of(request).sign_ins
    try:
        return await sign_ins.sign_out_address() if sign_ins is not None else None
    except IssuerUnavailable as error:
        _LOG.warning("somebody signs out here alone", why=str(error))
        return None


async def _form_targets(request: Request) -> str:
    issuer = urlsplit(await _sign_out_address(request) or "")
    return f"'self' {issuer.scheme}://{issuer.netloc}" if issuer.netloc else "'self'"


def _secret(request: Request) -> str:
    return settings_of(request).secret_key.get_secret_value()


def _see(address: str) -> RedirectResponse:
    return RedirectResponse(address, _SEE_OTHER)

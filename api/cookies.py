"""Our two cookies: HttpOnly, for our own pages alone, and never sent along by other sites' forms.

Over https their names begin with `__Host-`: browsers then take them from this very host only, so
that no neighbour of it can plant one.
"""

from datetime import timedelta

from fastapi import Request, Response

from api.dependencies import settings_of

SESSION = "rekindle-session"
SIGN_IN = "rekindle-sign-in"


def cookie_of(request: Request, name: str) -> str | None:
    """The value of one of our cookies; None without one, or with one that is empty."""
    return request.cookies.get(_full_name(request, name)) or None


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, lasts: timedelta
) -> None:
    """Have the browser keep a value.

    Args:
        request: that is being answered.
        response: the answer.
        name: one of the two above.
        value: what to keep; empty takes the cookie away.
        lasts: how long.
    """
    response.set_cookie(
        _full_name(request, name),
        value,
        max_age=int(lasts.total_seconds()),
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Have the browser forget a cookie; nothing is said to one that has none."""
    if cookie_of(request, name) is not None:
        set_cookie(request, response, name, "", lasts=timedelta(0))


def _full_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_https(request) else name


def _is_https(request: Request) -> bool:
    """By the settings: a proxy that speaks https may speak plain http with us."""
    return settings_of(request).public_address.startswith("https://")

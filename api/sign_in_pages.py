"""The pages around a sign-in: who you are, and why it came to nothing."""

from html import escape
from urllib.parse import urlencode

from api import paths
from api.pages import page
from rekindle.errors import RekindleError

CSRF_FIELD = "csrf_token"


def account_page(title: str, subject: str, csrf_token: str) -> str:
    """What somebody sees who is signed in.

    Args:
        title: of this service.
        subject: who it is, as the issuer calls them.
        csrf_token: of their session.
    """
    return page(
        title,
        "You are signed in",
        f"<p>You are <strong>{escape(subject)}</strong>.</p>"
        f'<form method="post" action="{paths.SIGN_OUT}">'
        f'<input type="hidden" name="{CSRF_FIELD}" value="{escape(csrf_token)}">'
        "<button>Sign out</button></form>",
    )


def signed_out_page(title: str) -> str:
    """What everybody else sees in its place."""
    return page(title, "You are signed out", f'<p><a href="{paths.SIGN_IN}">Sign in</a></p>')


def refusal_page(title: str, error: RekindleError, *, next_path: str | None, instance: str) -> str:
    """Why somebody was not signed in or out.

    Args:
        title: of this service.
        error: what stands in the way; only what it shows the public is used.
        next_path: where to go on after a sign-in; None where there is no point in another try.
        instance: names this occurrence.
    """
    again = f"{paths.SIGN_IN}?{urlencode({'next': next_path})}"
    link = f'<p><a href="{escape(again)}">Sign in</a></p>' if next_path is not None else ""
    return page(
        title,
        "That did not work",
        f"<p>{escape(error.public_detail)}</p>{link}"
        f"<p><small><code>{error.code}</code> {escape(instance)}</small></p>",
    )

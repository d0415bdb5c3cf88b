"""The web pages: sign in, signed out, and the refusal of a request that leads nowhere."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

_PICK_FORM = Template('<form class="picks" method="post" action="$action">\n$picks\n</form>')
_PICK = Template(
    '<button type="submit" name="username" value="$name"><span>Continue as</span> $name</button>'
)
_REJECTED = (
    '<p class="error" id="username-error" role="alert">'
    "Use 1 to 64 small letters, digits, dots, dashes or underscores, "
    "beginning with a letter or digit.</p>"
)


class Pages:
    """Renders the pages; they run no script and load nothing."""

    def __init__(self) -> None:
        here = files("simulators.oidc")
        self._style = (here / "style.css").read_text("utf-8")
        self._sign_in = Template((here / "sign_in.html").read_text("utf-8"))
        self._refused = Template((here / "refused.html").read_text("utf-8"))
        self._signed_out = Template((here / "signed_out.html").read_text("utf-8"))
        digest = hashlib.sha256(self._style.encode()).digest()
        self._style_hash = base64.b64encode(digest).decode("ascii")

    def sign_in(
        self,
        *,
        client_id: str,
        redirect_uri: str,
        audience: str,
        users: Sequence[str],
        action: str,
        username: str,
        rejected: bool,
    ) -> HTMLResponse:
        """The page where a person says who they are.

        Args:
            client_id: the application that asks.
            redirect_uri: where the answer will go; its origin is shown and allowed by the CSP.
            audience: the API the token will open.
            users: names offered as buttons.
            action: where the form is sent.
            username: what the text field holds.
            rejected: whether that was sent and is no possible name.
        """
        address = urlsplit(redirect_uri)
        origin = f"{address.scheme}://{address.netloc}"
        picks = "\n".join(_PICK.substitute(name=escape(name)) for name in users)
        pick_form = _PICK_FORM.substitute(action=escape(action), picks=picks) if users else ""
        page = self._sign_in.substitute(
            style=self._style,
            client=escape(client_id),
            origin=escape(origin),
            audience=escape(audience),
            action=escape(action),
            picks=pick_form,
            label="Or another user name" if users else "User name",
            username=escape(username),
            error=_REJECTED if rejected else "",
            described="username-hint username-error" if rejected else "username-hint",
            invalid='aria-invalid="true" autofocus' if rejected else "",
        )
        return self._respond(page, 422 if rejected else 200, f"'self' {origin}")

    def refused(self, reason: str) -> HTMLResponse:
        """A dead end, explained."""
        page = self._refused.substitute(style=self._style, reason=escape(reason))
        return self._respond(page, 400, "'none'")

    def signed_out(self) -> HTMLResponse:
        """Said to who is not to be sent anywhere."""
        return self._respond(self._signed_out.substitute(style=self._style), 200, "'none'")

    def _respond(self, page: str, status: int, form_targets: str) -> HTMLResponse:
        # Browsers apply form-action to the redirect after a form as well, so the origin the
        # code goes to has to be in it.
        policy = (
            f"default-src 'none'; style-src 'sha256-{self._style_hash}'; base-uri 'none'; "
            f"form-action {form_targets}; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(page, status, headers)

"""The end of a session (OpenID Connect RP-Initiated Logout 1.0)."""

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from simulators.oidc.config import IssuerConfig
from simulators.oidc.errors import OAuthError, RefusedPage
from simulators.oidc.forms import read_form, single_values
from simulators.oidc.pages import Pages


class EndSessionEndpoint:
    """`GET` and `POST /oidc/logout`, where Auth0 has it. Nobody stays signed in here anyway."""

    def __init__(self, config: IssuerConfig, pages: Pages) -> None:
        self._config = config
        self._pages = pages

    async def answer(self, request: Request) -> Response:
        """Send the person back where they came from, or say that they are signed out."""
        try:
            given = (
                await read_form(request)
                if request.method == "POST"
                else single_values(request.query_params.multi_items())
            )
        except OAuthError as error:
            raise RefusedPage(error.description) from error
        target = given.get("post_logout_redirect_uri")
        if target is None:
            return self._pages.signed_out()
        client = self._config.clients.get(given.get("client_id", ""))
        # Compared as text, as redirect URIs are.
        if client is None or target not in client.logout_uris:
            raise RefusedPage("The address to return to is not registered for this application.")
        if "state" in given:
            joint = "&" if urlsplit(target).query else "?"
            target = f"{target}{joint}{urlencode({'state': given['state']})}"
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return RedirectResponse(target, status_code=303, headers=headers)

"""The issuer as one ASGI application."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.oidc.authorize import AuthorizationEndpoint
from simulators.oidc.codes import AuthorizationCodes
from simulators.oidc.config import IssuerConfig
from simulators.oidc.control import ControlEndpoints, FaultMiddleware, Faults
from simulators.oidc.end_session import EndSessionEndpoint
from simulators.oidc.errors import OAuthError, RefusedPage
from simulators.oidc.files import make_private_directory, read_or_make_secret
from simulators.oidc.keys import KeyRing
from simulators.oidc.metadata import MetadataEndpoints
from simulators.oidc.pages import Pages
from simulators.oidc.token_endpoint import NO_STORE, TokenEndpoint
from simulators.oidc.tokens import TokenMint


def create_app(
    config: IssuerConfig, data: Path, *, clock: Callable[[], float] = time.time
) -> Starlette:
    """The issuer over its data directory.

    The directory holds `signing-keys.json`, `control.secret` and `clients/{id}.secret`, all made
    when missing and readable by the owner only. The same directory makes the same issuer again.

    Args:
        config: clients, users, audiences, scopes.
        data: the directory; made when missing.
        clock: now, in Unix seconds.

    Raises:
        ValueError: a file in the directory is damaged.
    """
    make_private_directory(data)
    make_private_directory(data / "clients")
    secrets = {
        client.id: read_or_make_secret(data / "clients" / f"{client.id}.secret")
        for client in config.clients.values()
        if not client.is_public
    }
    keys = KeyRing(data / "signing-keys.json")
    faults = Faults()
    pages = Pages()
    codes = AuthorizationCodes(config.code_seconds, clock)
    mint = TokenMint(config, keys, clock)
    authorize = AuthorizationEndpoint(config, codes, pages, clock)
    token = TokenEndpoint(config, codes, mint, secrets)
    metadata = MetadataEndpoints(config, keys, mint)
    end_session = EndSessionEndpoint(config, pages)
    control = ControlEndpoints(keys, faults, read_or_make_secret(data / "control.secret"))

    def refuse_on_page(_request: Request, error: Exception) -> Response:
        return pages.refused(str(error))

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", metadata.discovery),
            Route("/.well-known/jwks.json", metadata.jwks),
            Route("/authorize", authorize.show, methods=["GET"]),
            Route("/authorize", authorize.answer, methods=["POST"]),
            Route("/oauth/token", token.answer, methods=["POST"]),
            Route("/oidc/logout", end_session.answer, methods=["GET", "POST"]),
            Route("/userinfo", metadata.userinfo),
            Route("/simulator/rotate", control.rotate, methods=["POST"]),
            Route("/simulator/faults", control.set_faults, methods=["POST"]),
        ],
        middleware=[
            # A web page that points its own name at 127.0.0.1 must not get to talk to us.
            Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(config), www_redirect=False),
            Middleware(
                CORSMiddleware,
                allow_origins=_origins(config),
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
            ),
            Middleware(FaultMiddleware, faults=faults),
        ],
        exception_handlers={OAuthError: _refuse_as_json, RefusedPage: refuse_on_page},
    )


def _refuse_as_json(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OAuthError)  # noqa: S101 - it is registered for this class alone
    headers = dict(NO_STORE)
    if error.status == 401:
        basic = error.error == "invalid_client"
        challenge = 'Basic realm="issuer"' if basic else f'Bearer error="{error.error}"'
        headers["WWW-Authenticate"] = challenge
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, error.status, headers)


def _hosts(config: IssuerConfig) -> list[str]:
    host = urlsplit(config.issuer).hostname or ""
    return [f"[{host}]" if ":" in host else host]


def _origins(config: IssuerConfig) -> list[str]:
    """Origins of the public clients: their pages fetch tokens from the browser."""
    found = set()
    for client in config.clients.values():
        for uri in client.redirect_uris if client.is_public else ():
            address = urlsplit(uri)
            found.add(f"{address.scheme}://{address.netloc}")
    return sorted(found)

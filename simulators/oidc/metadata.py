"""What the issuer says about itself and its users: discovery, JWKS, userinfo."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from simulators.oidc.config import IssuerConfig
from simulators.oidc.errors import OAuthError
from simulators.oidc.keys import KeyRing
from simulators.oidc.token_endpoint import NO_STORE
from simulators.oidc.tokens import TokenMint

_CACHEABLE = {"Cache-Control": "public, max-age=15"}


class MetadataEndpoints:
    """Three documents to read."""

    def __init__(self, config: IssuerConfig, keys: KeyRing, mint: TokenMint) -> None:
        self._config = config
        self._keys = keys
        self._mint = mint

    async def discovery(self, _request: Request) -> JSONResponse:
        """`GET /.well-known/openid-configuration` (OpenID Connect Discovery 1.0)."""
        base = self._config.issuer
        return JSONResponse(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}authorize",
                "token_endpoint": f"{base}oauth/token",
                "userinfo_endpoint": f"{base}userinfo",
                "end_session_endpoint": f"{base}oidc/logout",
                "jwks_uri": f"{base}.well-known/jwks.json",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                    "none",
                ],
                "scopes_supported": sorted(self._config.all_scopes),
                "claims_supported": ["iss", "sub", "aud", "exp", "iat", "preferred_username"],
                "authorization_response_iss_parameter_supported": True,
            },
            headers=_CACHEABLE,
        )

    async def jwks(self, _request: Request) -> JSONResponse:
        """`GET /.well-known/jwks.json`: the public keys, newest first."""
        return JSONResponse(self._keys.published(), headers=_CACHEABLE)

    async def userinfo(self, request: Request) -> JSONResponse:
        """`GET /userinfo`: who the bearer of this access token is."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise OAuthError("invalid_token", "Send the access token as a bearer token.", 401)
        claims = self._mint.read_access_token(token)
        info = {"sub": claims["sub"]}
        connection, _, username = claims["sub"].partition("|")
        if "profile" in claims["scope"].split() and connection == "dev":
            info["preferred_username"] = username
        return JSONResponse(info, headers=NO_STORE)

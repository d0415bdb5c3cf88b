"""Signing in with a browser: whether it is on, and by whom."""

from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from rekindle.adapters.oidc import OidcSignIns, OidcVerifier
from rekindle.errors import SettingsInvalid
from rekindle.rules.sign_in import ACCOUNT, CALLBACK, is_safe_address
from rekindle.settings import Settings


def is_sign_in_on(settings: Settings) -> bool:
    """Whether people can sign in with a browser.

    Raises:
        SettingsInvalid: they were meant to, but could not do so safely.
    """
    client_id, secret = settings.oidc_client_id, settings.oidc_client_secret
    if (client_id is None) != (secret is None):
        raise SettingsInvalid("OIDC_CLIENT_ID and OIDC_CLIENT_SECRET are set together, or neither")
    if client_id is None:
        return False
    if not is_safe_address(settings.public_address):
        raise SettingsInvalid(
            f"people cannot sign in at {settings.public_address}: set PUBLIC_URL to the https "
            "address of this API (plain http is for this machine alone)"
        )
    if urlsplit(settings.public_address).path:
        raise SettingsInvalid("PUBLIC_URL has a path, so that browsers could not sign in there")
    return True


def open_sign_ins(
    settings: Settings, verifier: OidcVerifier, stack: AsyncExitStack
) -> OidcSignIns | None:
    """Who signs people in; None where nobody can.

    Args:
        verifier: of the same issuer.
        stack: closes the connections.

    Raises:
        SettingsInvalid: as `is_sign_in_on`.
    """
    if not is_sign_in_on(settings):
        return None
    assert settings.oidc_client_id is not None  # noqa: S101 - just looked
    assert settings.oidc_client_secret is not None  # noqa: S101 - just looked
    sign_ins = OidcSignIns(
        verifier,
        audience=settings.auth0_audience,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        redirect_uri=f"{settings.public_address}{CALLBACK}",
        signed_out_uri=f"{settings.public_address}{ACCOUNT}",
        scopes=settings.oidc_scopes,
    )
    stack.push_async_callback(sign_ins.aclose)
    return sign_ins

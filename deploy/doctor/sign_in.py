"""Signing in with a browser: whether it is on, and whether the issuer knows us."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from deploy.doctor.finding import Finding, good, missing
from rekindle.adapters.oidc import OidcVerifier
from rekindle.errors import IssuerUnavailable, SettingsInvalid
from rekindle.rules.sign_in import ACCOUNT, CALLBACK
from rekindle.settings import Settings
from rekindle.wiring.sign_in import open_sign_ins

SUBJECT = "browser sign-in"


async def browsers(settings: Settings) -> Sequence[Finding]:
    """Whether people can sign in with a browser. It may be off: tokens and keys need it not."""
    where = settings.public_address
    registered = f"Register {where}{CALLBACK} there, and {where}{ACCOUNT} for signing out."
    try:
        async with AsyncExitStack() as stack:
            if not settings.issuer:
                return [good(SUBJECT, "off, for want of an issuer")]
            verifier = OidcVerifier(settings.issuer, settings.auth0_audience)
            stack.push_async_callback(verifier.aclose)
            sign_ins = open_sign_ins(settings, verifier, stack)
            if sign_ins is None:
                return [good(SUBJECT, "off: OIDC_CLIENT_ID is not set")]
            await sign_ins.check()
    except SettingsInvalid as error:
        return [missing(SUBJECT, str(error), f"Correct it (docs/identity.md). {registered}")]
    except IssuerUnavailable as error:
        return [missing(SUBJECT, f"the issuer: {error}", "Mend sign-in first.")]
    except ValueError as error:
        return [missing(SUBJECT, f"AUTH0_DOMAIN: {error}", "Use an https:// address.")]
    return [good(SUBJECT, f"the issuer knows {settings.oidc_client_id}; browsers come to {where}")]

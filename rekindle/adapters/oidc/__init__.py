"""Any OpenID Connect issuer, through httpx and joserfc: Auth0 and `simulators.oidc` alike.

`verifier` judges tokens, `keys` decides when to ask the issuer for its keys, `documents` asks.
"""

from rekindle.adapters.oidc.keys import KeyPolicy
from rekindle.adapters.oidc.verifier import OidcVerifier

__all__ = ["KeyPolicy", "OidcVerifier"]

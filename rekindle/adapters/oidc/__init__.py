"""Any OpenID Connect issuer, through httpx and joserfc: Auth0 and `simulators.oidc` alike.

`verifier` judges access tokens, `keys` decides when to ask the issuer for its keys, `documents`
asks. `sign_in` signs people in with a browser, `id_tokens` judges what the issuer says of them.
"""

from rekindle.adapters.oidc.keys import KeyPolicy
from rekindle.adapters.oidc.sign_in import OidcSignIns
from rekindle.adapters.oidc.verifier import OidcVerifier

__all__ = ["KeyPolicy", "OidcSignIns", "OidcVerifier"]

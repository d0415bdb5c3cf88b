"""A small, strict OpenID Connect issuer for one machine: real flows and signatures, no passwords.

What an issuer answers on its wire belongs here (discovery, keys, sign-in page, token endpoint),
with Auth0's paths and token shape. What a relying party does with a token does not: one verifier
reads these tokens and Auth0's. Nothing of the product is imported. Start it with
`python -m simulators.oidc`; `--help` explains the rest.
"""

from simulators.oidc.app import create_app
from simulators.oidc.config import Client, IssuerConfig

__all__ = ["Client", "IssuerConfig", "create_app"]

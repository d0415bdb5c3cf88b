"""The ``Stripe-Signature`` header (docs.stripe.com/webhooks, "Verify manually")."""

from __future__ import annotations

import hmac


def signature_header(body: bytes, secret: str, timestamp: int) -> str:
    """Sign a body: ``t=TIMESTAMP,v1=HMAC-SHA256(secret, "TIMESTAMP.body")``.

    Args:
        body: The bytes that are sent.
        secret: The endpoint's, ``whsec_...``, used as it stands.
        timestamp: Unix seconds.
    """
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.digest(secret.encode(), signed, 'sha256').hex()}"

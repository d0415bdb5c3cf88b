"""A stand-in for Stripe: Checkout with a page to pay on, refunds, disputes, signed webhooks.

Start it with ``python -m simulators.stripe --help``; README.md says what is simulated.

Folders: ``account`` (what Stripe knows and the rules of money), ``wire`` (HTTP routes as the
official SDK calls them, idempotency, control), ``page`` (the payment page), ``webhooks``
(signatures and deliveries). ``account`` knows none of the others.
"""

"""Stripe, through its official SDK: the vendor and `simulators.stripe` alike.

`payments` is the port, `facts` reads what Stripe knows of an order, `money` what the whole account
did, `webhooks` judges what claims to come from Stripe, `wire` turns Stripe's objects into ours,
`door` and `transport` ask.
"""

from rekindle.adapters.stripe.payments import StripePayments

__all__ = ["StripePayments"]

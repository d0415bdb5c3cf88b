"""Limits per user and address: how often who may ask, judged before any body is read.

What is counted in Postgres (unfinished attempts, unpaid orders, uploads of a day) is judged where
that is read anyway: `api.starting`, `api.ordering`, `api.intake`.
"""

from api.limits.classes import RateClass, rate_class
from api.limits.guard import RateLimits

__all__ = ["RateClass", "RateLimits", "rate_class"]

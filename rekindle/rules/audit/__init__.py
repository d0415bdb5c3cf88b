"""A money audit: what we believe of our orders, laid beside the payment provider's whole account.

It does not ask `rules.orders` what an order should come to. It states what must hold in the end, so
that it also finds what went wrong there.
"""

from rekindle.rules.audit.account import AuditedOrder
from rekindle.rules.audit.differences import Difference, DifferenceKind
from rekindle.rules.audit.judge import PATIENCE, audit

__all__ = ["PATIENCE", "AuditedOrder", "Difference", "DifferenceKind", "audit"]

"""The life of an order, as its `HdOrder` workflow has it done.

Here belongs looking at the payment provider and writing what came of it, having a checkout page,
and what HD is made of. Here does not belong what the facts come to (`rekindle.rules.orders`), nor
when a look is due (`workflows_temporal.hd_order`).
"""

from activities.orders.life import OrderActivities
from activities.orders.terms import OrderTerms

__all__ = ["OrderActivities", "OrderTerms"]

"""SQLModel tables: the projection the API reads, and what must outlive Temporal's retention.

Importing this package registers every table with `SQLModel.metadata`.
"""

from rekindle.models.albums import Album, AlbumItem
from rekindle.models.api_keys import ApiKey
from rekindle.models.attempts import Attempt
from rekindle.models.browser_sessions import BrowserSession
from rekindle.models.events import JobEvent
from rekindle.models.idempotency import IdempotencyKey
from rekindle.models.jobs import Job
from rekindle.models.order_items import OrderItem
from rekindle.models.orders import Entitlement, Order, OrderRefund, PaymentEventRecord
from rekindle.models.pods import FleetDecision, GpuUse, PodRecord
from rekindle.models.uploads import Upload
from rekindle.models.users import User
from rekindle.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Album",
    "AlbumItem",
    "ApiKey",
    "Attempt",
    "BrowserSession",
    "Entitlement",
    "FleetDecision",
    "GpuUse",
    "IdempotencyKey",
    "Job",
    "JobEvent",
    "Order",
    "OrderItem",
    "OrderRefund",
    "PaymentEventRecord",
    "PodRecord",
    "Upload",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
]

"""What every request passes on its way in and every answer on its way out: plain ASGI.

Nothing here knows a route's meaning. No `BaseHTTPMiddleware`: it would sit between a streamed body
and its reader.
"""

from api.middleware.allowed_hosts import AllowedHosts
from api.middleware.body_limit import Allowance, BodyLimit
from api.middleware.failure_boundary import FailureBoundary
from api.middleware.request_context import RequestContext
from api.middleware.request_metrics import RequestMetrics
from api.middleware.security_headers import SecurityHeaders

__all__ = [
    "Allowance",
    "AllowedHosts",
    "BodyLimit",
    "FailureBoundary",
    "RequestContext",
    "RequestMetrics",
    "SecurityHeaders",
]

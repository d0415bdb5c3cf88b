"""Where signing in with a browser takes place, and where it may lead."""

import ipaddress
import re
from urllib.parse import urlsplit

SIGN_IN = "/sign-in"
CALLBACK = f"{SIGN_IN}/callback"
"""Where the issuer sends a browser back to; registered there with our address before it."""
ACCOUNT = "/account"
"""Where a browser ends up that was to go nowhere else; after signing out as well."""
SIGN_OUT = "/sign-out"

_LONGEST = 1000
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path of ours: ASCII without spaces, control characters and backslashes, which browsers read as
slashes; and with one slash in front, since two begin the name of another host."""


def is_safe_address(address: str) -> bool:
    """Whether browsers may be signed in at that address: https, or plain http on this machine.

    Args:
        address: `scheme://host:port`.
    """
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def is_local_path(text: str) -> bool:
    """Whether a browser that is sent there, by `Location`, stays on our pages."""
    return len(text) <= _LONGEST and _LOCAL.fullmatch(text) is not None

"""Whose address counts."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

_HOME_BITS = 64
"""What one household or one rented machine has of IPv6: it may take any address in there."""


def network_of(scope: Scope) -> str | None:
    """What counts as one address: an IPv4 address, or the /64 network of an IPv6 address.

    It is the peer's, or what a trusted proxy says in `X-Forwarded-For` (`api.server`). None when
    there is none, as on a Unix socket.
    """
    client = scope.get("client")
    return _network(client[0]) if client and client[0] else None


@lru_cache(maxsize=4096)
def _network(host: str) -> str:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, _HOME_BITS), strict=False))
    return str(address)

"""Which addresses are somebody's on the internet: strangers' servers may be at no others."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAMED = (
    "64:ff9b::/96",  # NAT64: an IPv4 address stands at the end
    "64:ff9b:1::/48",
    "2002::/16",  # 6to4
    "2001::/23",  # Teredo and other special purposes
    "::/96",  # IPv4-compatible
    "5f00::/16",  # segment routing
    "3fff::/20",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "168.63.129.16/32",  # a cloud's metadata on a public address
)
_REFUSED = tuple(ipaddress.ip_network(each) for each in _NAMED)


def is_public(address: Address) -> bool:
    """Whether an address is public, and no way around to one that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local:
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    named = any(address in network for network in _REFUSED if network.version == address.version)
    return address.is_global and not special and not named


def is_private_number(host: str) -> bool:
    """Whether a host is written as a plain address, and not a public one."""
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        return False

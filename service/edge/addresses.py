"""Networks out of the settings, and whether an address as it is counted belongs to one."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network

from service.security.addresses import Network


def networks(text: str) -> tuple[Network, ...]:
    """Networks and addresses out of a list with commas; `none` is the empty list.

    Raises:
        ValueError: one of them is not written as a network.
    """
    if text.strip().lower() in {"", "none"}:
        return ()
    return tuple(ip_network(part.strip()) for part in text.split(","))


@lru_cache(maxsize=4096)
def within(address: str, known: tuple[Network, ...]) -> bool:
    """Whether a counted address (IPv6: a /64) lies in, or holds, one of the networks; what is no address lies in none."""
    try:
        counted = ip_network(address)
    except ValueError:
        return False
    return any(counted.version == network.version and counted.overlaps(network) for network in known)

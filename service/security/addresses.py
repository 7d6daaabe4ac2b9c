"""Whose address a request comes from. `X-Forwarded-For` is believed only of proxies that the installation names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from starlette.types import Scope

Network = IPv4Network | IPv6Network
_WIDEST = {4: 8, 6: 7}
"""Bits that the addresses of a network have in common at least: 10.0.0.0/8 and fc00::/7 are the widest that belong to one owner."""
Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
_NEIGHBOURHOOD = 64
"""One customer usually holds a whole IPv6 /64: its addresses count as one."""
_PORT = re.compile(r"^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::\d{1,5})?$")
"""Some proxies write the client's port as well: 198.51.100.4:51234, [2001:db8::1]:51234; all their clients would count as one."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """Networks of proxies in front of the service; without any, the peer is the client."""

    networks: tuple[Network, ...] = ()

    def trust(self, text: str) -> bool:
        """Whether an address belongs to one of them."""
        address = _address(text)
        return address is not None and any(address in network for network in self.networks)


def trusted_proxies(text: str | None) -> Proxies:
    """Addresses and networks with commas between them, as `COURTSIGHT_TRUSTED_PROXIES` has them.

    Raises:
        ConfigurationError: naming the entry that is none, or that holds strangers: each of them would choose whose address is counted.
    """
    networks: list[Network] = []
    for entry in (part.strip() for part in (text or "").split(",")):
        if not entry:
            continue
        try:
            network = ip_network(entry)
        except ValueError as error:
            raise ConfigurationError(f"COURTSIGHT_TRUSTED_PROXIES: {error}; write 10.0.0.7 or 10.0.0.0/8") from error
        if network.prefixlen < _WIDEST[network.version]:
            raise ConfigurationError(
                f"COURTSIGHT_TRUSTED_PROXIES: {network} is too wide, strangers in it could write any X-Forwarded-For: name your own proxies"
            )
        networks.append(network)
    return Proxies(tuple(networks))


def client_address(scope: Scope, proxies: Proxies) -> str:
    """The address that counts as the client's: the peer, or what the nearest untrusted hop in front of trusted proxies was.

    Read from the right, because each proxy appends and a client may write what it likes at the left. IPv6 is cut to its /64.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else UNKNOWN
    if not proxies.networks or not proxies.trust(peer):
        return _neighbourhood(peer)
    for hop in _forwarded(scope["headers"]):
        if _address(hop) is None:
            break
        peer = hop
        if not proxies.trust(hop):
            break
    return _neighbourhood(peer)


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """The hops, the nearest first; what a client wrote at the far end is not even looked at, however long it is."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    for hop in reversed(",".join(lines).split(",")):
        if text := hop.strip():
            yield _PORT.sub(r"\1\2", text)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped if isinstance(mapped, IPv4Address) else found


@lru_cache(maxsize=4096)  # an address is read for every request, and parsing it takes as long as counting it
def _neighbourhood(text: str) -> str:
    address = _address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _NEIGHBOURHOOD), strict=False))
    return str(address) if address is not None else text

"""Where models are called: the address, the key, and whether what is sent there leaves the operator's own network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from service.llm.calls import AttemptLimits, Model
from service.llm.wire import OutputLimit, ReasoningEffort

_OWN_NETWORKS = tuple(
    map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)
"""Loopback, RFC 1918 and RFC 4193. Link-local is left out on purpose: clouds serve credentials at 169.254.169.254."""
_OWN_SUFFIXES = (".localhost", ".internal", ".local", ".home.arpa", ".svc", ".cluster.local")
"""Names that no public DNS answers (RFC 6761, 6762, 8375; .internal is reserved by ICANN; the last two are Kubernetes')."""
_HOST_NAME = re.compile(r"[a-z0-9_][a-z0-9._-]{0,252}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One provider as this installation calls it.

    `external` is true when the host is outside the operator's own network; `connections` bounds those that are open at a time.
    `output_limit` and `reasoning_effort` say what this provider wants to be told.
    """

    name: str
    base_url: str
    external: bool
    api_key: str | None = field(default=None, repr=False)
    connections: int = 256
    output_limit: OutputLimit = "max_tokens"
    reasoning_effort: ReasoningEffort | None = None


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Time limits: of one attempt, and of all attempts for one answer together, in seconds."""

    attempt: AttemptLimits
    total_seconds: float


DEFAULT_LIMITS = CallLimits(AttemptLimits(2.0, 8.0, 5.0, 25.0), 40.0)


@dataclass(frozen=True, slots=True)
class Providers:
    """All that an installation may call. `routes` names models by complexity, in the order to try; empty means by price."""

    endpoints: tuple[Endpoint, ...]
    models: tuple[Model, ...]
    routes: Mapping[str, tuple[str, ...]]
    limits: CallLimits = DEFAULT_LIMITS


def own_address(address: str) -> bool:
    """Whether an IP address is loopback or private; False for what is no address."""
    found = _address(address)
    return found is not None and any(found in network for network in _OWN_NETWORKS)


def own_host(host: str) -> bool:
    """Whether a host stands in the operator's own network: by its address, or by a name that public DNS does not know.

    A name is judged as it is written; that it leads to a private address is checked when a connection is made.
    """
    if _address(host) is not None:
        return own_address(host)
    name = host.lower().rstrip(".")
    return "." not in name or name.endswith(_OWN_SUFFIXES)


def host_of(base_url: str, *, insecure: bool = False) -> str:
    """The host of a provider's base URL.

    Raises:
        ValueError: the URL is no address that a key and a question may be sent to; the text says why.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("is no http or https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or a password: give the key as api_key_file or api_key_setting")
    if parts.query or parts.fragment:
        raise ValueError("holds a query or a fragment")
    _ = parts.port  # raises ValueError when it is out of range
    if _address(host) is None and _HOST_NAME.fullmatch(host) is None:
        # What reads the name later may read another one: the full-width dots of "8。8。8。8" become those of an address.
        raise ValueError("is no host name: write it in ASCII letters, digits, hyphens and dots")
    if _address(host) is None and (host.rsplit(".", 1)[-1].isdigit() or host.startswith("0x")):
        raise ValueError("writes an IP address in an unusual form")
    if parts.scheme == "http" and not (insecure or own_host(host)):
        raise ValueError("sends the key unencrypted: use https, or say `insecure: true`")
    return host


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found

"""Which addresses lie on this machine: a proxy of the environment must never come between us and our own stack."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine; others are reached as the environment says (proxies, certificates)."""
    return urlsplit(url).hostname in _LOOPBACK

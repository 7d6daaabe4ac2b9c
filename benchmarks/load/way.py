"""The load generator's way to the chatbot: the proxy and the certificates of the environment, as in every other step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from slo.errors import InvalidInput, Problem
from target.loopback import is_loopback

CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What the environment says of trusted certificates; the generator has an environment of its own, and gets these."""


def proxy_of(url: str) -> str:
    """The proxy through which the environment has a chatbot asked; empty for none, and always for one on this machine.

    Raises:
        InvalidInput: The generator's client cannot use it.
    """
    if is_loopback(url):
        return ""
    parts, known = urlsplit(url), getproxies_environment()
    name = next((name for name in (parts.scheme, "all") if known.get(name)), "")
    if not name or proxy_bypass(parts.netloc):
        return ""
    proxy = known[name] if "://" in known[name] else f"http://{known[name]}"
    if urlsplit(proxy).scheme != "http" or not urlsplit(proxy).hostname:
        # Its address may hold a password, so only the variable is named.
        said = "is no http proxy, and the load test knows no other", "set one, or name the host in NO_PROXY"
        raise InvalidInput((Problem(f"{name.upper()}_PROXY", None, "", *said),))
    return proxy


def proxy_arguments(proxy: str) -> Mapping[str, str | int]:
    """What geventhttpclient has to know of a proxy."""
    if not proxy:
        return {}
    parts = urlsplit(proxy)
    told: dict[str, str | int] = {"proxy_host": parts.hostname or "", "proxy_port": parts.port or 80}
    if parts.username is not None:
        told |= {"proxy_user": unquote(parts.username), "proxy_password": unquote(parts.password or "")}
    return told

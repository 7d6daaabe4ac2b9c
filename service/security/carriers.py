"""How a credential travels: a bearer header, a key header, or the cookie of the chat page. One request shows one credential.

A second credential is refused and never chosen between: whichever won, somebody's rule would be skipped (CVE-2026-45339 in a peer).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from service.errors import AmbiguousCredentials, OriginRefused, Unauthenticated
from service.values import value

KEY_PREFIX = "cs_"
COOKIE = "courtsight_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Browsers take a `__Host-` cookie over https only, for this host only, so that no neighbour under the same domain can plant one."""
_HOW = "Send 'Authorization: Bearer <token or key>' or 'X-API-Key: <key>'; POST /v1/auth/token gives a token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Headers = Sequence[tuple[bytes, bytes]]


@value
class Shown:
    """The one credential of a request: what it claims to be, its text, and what brought it."""

    kind: Literal["token", "key"]
    text: str
    by_cookie: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Where the chat page lives: the origin that browsers see (None: that of the request), and whether only https counts."""

    origin: str | None
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return SECURE_COOKIE if self.secure else COOKIE

    def set_cookie(self, token: str, seconds: int) -> str:
        """The value of `Set-Cookie` that logs a browser in, or out with an empty token and 0 seconds."""
        secure = "; Secure" if self.secure else ""
        return f"{self.cookie}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"

    def check_origin(self, origin: str | None, host: str) -> None:
        """Let a request in that a browser made for this page.

        Args:
            origin: the request's `Origin`, None when it has none.
            host: the request's `Host`.

        Raises:
            OriginRefused: another site's page made it, or nothing says which.
        """
        if origin is None or not self._is_ours(origin, host):
            raise OriginRefused("A change that is made with the cookie must come from the page of this service")

    def _is_ours(self, origin: str, host: str) -> bool:
        if self.origin is not None:
            return origin == self.origin
        try:
            parts = urlsplit(origin)
            local = parts.hostname in _LOOPBACK
        except ValueError:
            return False
        encrypted = parts.scheme == "https" or (parts.scheme == "http" and (local or not self.secure))
        return encrypted and bool(host) and origin == f"{parts.scheme}://{host}"


def credential_shown(headers: Headers, method: str, page: Page) -> Shown:
    """The one credential of a request; whether it counts is for others to find.

    Args:
        headers: as ASGI gives them, names in lower case.
        method: a request that changes something and comes by cookie must come from our own page.
        page: the page whose cookie it is.

    Raises:
        Unauthenticated: there is none, or its form is wrong.
        AmbiguousCredentials: there are several.
        OriginRefused: it came by cookie from elsewhere.
    """
    found = [shown for name, value in headers if (read := _READERS.get(name)) for shown in read(value, page.cookie)]
    if len(found) > 1:
        raise AmbiguousCredentials(
            "Send one credential: a bearer header, a key header or the cookie, and each only once"
        )
    if not found or not found[0].text:
        raise Unauthenticated(_HOW)
    shown = found[0]
    if shown.by_cookie and method not in _SAFE:
        page.check_origin(_first(headers, b"origin"), _first(headers, b"host") or "")
    return shown


def _first(headers: Headers, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)


def _bearer(value: bytes, _: str) -> tuple[Shown, ...]:
    scheme, _, text = value.decode("latin-1").partition(" ")
    text = text.strip() if scheme.lower() == "bearer" else ""
    return (Shown("key" if text.startswith(KEY_PREFIX) else "token", text),)


def _key(value: bytes, _: str) -> tuple[Shown, ...]:
    text = value.decode("latin-1").strip()
    return (Shown("key", text if text.startswith(KEY_PREFIX) else ""),)


def _cookies(value: bytes, wanted: str) -> tuple[Shown, ...]:
    """Every value of one cookie: a browser that sends two was given one by somebody else."""
    pairs = (part.strip().partition("=") for part in value.decode("latin-1").split(";"))
    return tuple(Shown("token", text, by_cookie=True) for name, _, text in pairs if name == wanted)


_READERS: Mapping[bytes, Callable[[bytes, str], tuple[Shown, ...]]] = {
    b"authorization": _bearer,
    b"x-api-key": _key,
    b"cookie": _cookies,
}

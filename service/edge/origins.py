"""Which pages of other origins may read our answers (CORS, as the Fetch standard has it), and under which names we are asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]

ANY = "*"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,10}|\[[0-9a-f:]{2,39}\])(?::[0-9]{1,5})?")
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,30}\.?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_REQUEST_HEADERS = frozenset(
    {
        *("authorization", "content-type", "accept", "x-api-key", "x-request-id", "idempotency-key", "cache-control"),
        *("traceparent", "tracestate", "openai-organization", "openai-project", "openai-beta"),
    }
)
_OF_CLIENTS = re.compile(r"x-stainless-[a-z-]{1,40}")
"""OpenAI's own client for browsers tells of itself under such names, others with each version; nothing here reads them."""
_SHOWN = b"X-Request-Id, X-Trace-Id, RateLimit, RateLimit-Policy, Retry-After, Idempotency-Replayed"
_VARY: tuple[bytes, bytes] = (b"vary", b"Origin")
_PREFLIGHT_SECONDS = b"600"


def origins(text: str) -> tuple[str, ...]:
    """Origins out of a list with commas.

    Raises:
        ValueError: one of them is no origin as browsers send it: scheme, host, port, in small letters and nothing behind.
    """
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in found:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: write it like https://page.example, without a path")
    return found


def hosts(text: str) -> frozenset[str]:
    """Names out of a list with commas, in small letters, as clients send them in `Host`.

    Raises:
        ValueError: one of them is sent by nobody: with it alone, every request would be refused.
    """
    found = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    for host in sorted(found):
        if not _HOST.fullmatch(host):
            raise ValueError(
                f"{host!r} is no name of a host: write chat.example.id, without a scheme or path; leave the setting out for any name"
            )
    return found


@dataclass(frozen=True, slots=True)
class OriginRules:
    """The origins that may read; `credentials` lets them send cookies along. A wildcard with credentials is refused where settings are read."""

    allowed: frozenset[str] = frozenset()
    credentials: bool = False

    @classmethod
    def of(cls, allowed: Sequence[str], *, credentials: bool) -> OriginRules:
        """The rules of some settings."""
        return cls(frozenset(allowed), credentials)

    def answer_headers(self, origin: bytes | None) -> Headers:
        """What an answer carries for a page of this origin."""
        if not self.allowed:
            return []
        if ANY in self.allowed:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _SHOWN)]
        if origin is None or origin.decode("latin-1") not in self.allowed:
            # Also without the page's origin: a cache must not give this answer to a page that may read it.
            return [_VARY]
        headers = [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _SHOWN),
            _VARY,
        ]
        if self.credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    def preflight_headers(self, origin: bytes, method: bytes, wanted: bytes) -> Headers | None:
        """What a preflight is answered with, None when the page may not send such a request."""
        granted = self.answer_headers(origin)
        if not any(name == b"access-control-allow-origin" for name, _ in granted):
            return None
        asked = {part.strip().lower() for part in wanted.decode("latin-1").split(",") if part.strip()}
        strange = {one for one in asked - _REQUEST_HEADERS if not _OF_CLIENTS.fullmatch(one)}
        if method.decode("latin-1") not in _METHODS or strange:
            return None
        kept = [header for header in granted if header[0] not in {b"access-control-expose-headers", b"vary"}]
        return [
            *kept,
            (b"access-control-allow-methods", ", ".join(_METHODS).encode()),
            (b"access-control-allow-headers", ", ".join(sorted(asked)).encode()),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]

"""The headers that every answer carries."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.telemetry.record import RequestRecord

Header = tuple[bytes, bytes]
_POLICY = b"content-security-policy"
_CACHING = b"cache-control"
_ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_UNLESS_SET: dict[bytes, bytes] = {
    # Answers are nothing that a browser should render; a page brings a policy of its own.
    _POLICY: b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    _CACHING: b"no-store",
    b"cross-origin-resource-policy": b"same-origin",
}
_TLS_ONLY: Header = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""A year, as the requirements have it; only in production, where TLS stands in front."""


def fixed_headers(*, production: bool) -> tuple[Header, ...]:
    """What never depends on the answer."""
    return (*_ALWAYS, _TLS_ONLY) if production else _ALWAYS


_PLAIN = tuple(_UNLESS_SET.items())


def dressed(headers: Iterable[Header], record: RequestRecord, fixed: tuple[Header, ...]) -> list[Header]:
    """An answer's headers with ours behind them: ids, what its request earned, how near its limits are, and what guards a browser."""
    result = [
        *headers,
        (b"x-request-id", record.request_id.encode()),
        (b"x-trace-id", record.trace_id.encode()),
        *record.headers,
    ]
    own = [name for name, _ in result if name in _UNLESS_SET]
    result += fixed
    result += _PLAIN if not own else [header for header in _PLAIN if header[0] not in own]
    rate = record.rate
    if rate is not None:
        left = f'"{rate.limit.name}";r={rate.remaining};t={math.ceil(rate.reset_seconds)}'
        result += ((b"ratelimit-policy", record.rate_policy.encode()), (b"ratelimit", left.encode()))
    return result

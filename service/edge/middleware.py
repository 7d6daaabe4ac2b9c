"""One pure-ASGI layer inside the telemetry: looks through a request's headers once and decides what the routes need not know of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import problem_response
from service.edge.addresses import within
from service.edge.origins import Headers, OriginRules
from service.errors import HeadersTooLarge, HostRefused, HostUnclear, Problem
from service.quotas.rules import LOAD_TEST
from service.security.addresses import Network, Proxies, client_address
from service.telemetry.record import record_of

if TYPE_CHECKING:
    from service.quotas.turnstile import Turnstile

MOST_HEADERS = 100
MOST_HEADER_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class EdgeRules:
    """What an installation says of the network around it.

    `hosts` are the names under which the service is reached, empty for any; `proxies` are believed about `X-Forwarded-For`; callers from
    `load_test_networks` have the quota of that name; `exempt` paths are neither counted nor bound to a host.
    """

    hosts: frozenset[str]
    proxies: Proxies
    load_test_networks: tuple[Network, ...]
    origins: OriginRules
    exempt: frozenset[str]


@dataclass(slots=True)
class _Seen:
    """What the headers of a request say that matters here."""

    hosts: list[bytes]
    origin: bytes | None = None
    wanted_method: bytes | None = None
    wanted_headers: bytes = b""
    bytes: int = 0


class EdgeMiddleware:
    """Wraps the app; see the module."""

    def __init__(self, app: ASGIApp, rules: EdgeRules, turnstile: Callable[[], Turnstile | None]) -> None:
        """Wrap.

        Args:
            app: the routes.
            rules: of the installation.
            turnstile: who counts, None before the app has started.
        """
        self._app = app
        self._rules = rules
        self._turnstile = turnstile
        # By address alone: a network hashes and compares in Python, which costs more than to count the request.
        self._quota_of = lru_cache(maxsize=4096)(self._measuring)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, answer a preflight, or refuse it as a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._entered(scope)
        except Problem as problem:
            answer = problem_response(problem, record_of(scope))
        await (answer or self._app)(scope, receive, send)

    async def _entered(self, scope: Scope) -> Response | None:
        rules, record = self._rules, record_of(scope)
        seen = _look(scope["headers"])
        if len(scope["headers"]) > MOST_HEADERS or seen.bytes > MOST_HEADER_BYTES:
            raise HeadersTooLarge(f"At most {MOST_HEADERS} headers of {MOST_HEADER_BYTES} bytes in all are read")
        if len(seen.hosts) != 1 and (seen.hosts or scope["http_version"] == "1.1"):
            raise HostUnclear("A request has one header 'Host'")
        if scope["path"] in rules.exempt:
            return None
        if rules.hosts and not _is_ours(seen.hosts, rules.hosts):
            raise HostRefused("The service is not reached under this name")
        granted = self._preflight(scope, seen)
        # Before anything is refused: a page that may read must also read that it has to wait, and for how long.
        record.headers += rules.origins.answer_headers(seen.origin) if granted is None else granted
        turnstile = self._turnstile()
        if turnstile is not None:
            address = client_address(scope, rules.proxies)
            await turnstile.count_address(record, address, self._quota_of(address))
        return None if granted is None else Response(status_code=204)

    def _preflight(self, scope: Scope, seen: _Seen) -> Headers | None:
        """What a preflight is granted; None for all other requests, and for a page or a request that is not let in."""
        if seen.wanted_method is None or seen.origin is None or scope["method"] != "OPTIONS":
            return None
        return self._rules.origins.preflight_headers(seen.origin, seen.wanted_method, seen.wanted_headers)

    def _measuring(self, address: str) -> str | None:
        """The quota of an address that the installation measures from, None for all others."""
        return LOAD_TEST if within(address, self._rules.load_test_networks) else None


def _look(headers: list[tuple[bytes, bytes]]) -> _Seen:
    seen = _Seen([])
    for name, value in headers:
        seen.bytes += len(name) + len(value)
        match name:
            case b"host":
                seen.hosts.append(value)
            case b"origin":
                seen.origin = value
            case b"access-control-request-method":
                seen.wanted_method = value
            case b"access-control-request-headers":
                seen.wanted_headers = value
    return seen


def _is_ours(hosts: list[bytes], ours: frozenset[str]) -> bool:
    if len(hosts) != 1:
        return False
    name = hosts[0].decode("latin-1").lower()
    # Without its port; the brackets of an IPv6 address hold colons of their own.
    bare = name if name.endswith("]") else name.rpartition(":")[0] or name
    return name in ours or (bare in ours and name[len(bare) + 1 :].isdecimal()) or (bare == name and bare in ours)

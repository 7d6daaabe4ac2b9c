"""One pure-ASGI layer inside the telemetry: looks through a request's headers once and decides what the routes need not know of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import problem_response
from service.edge.addresses import within
from service.edge.origins import Headers, OriginRules
from service.errors import HeadersTooLarge, HostRefused, HostUnclear, Problem
from service.quotas.rules import LOAD_TEST
from service.security.addresses import Network, Proxies, client_address
from service.telemetry.record import HEADERS_KEY, record_of

if TYPE_CHECKING:
    from service.quotas.turnstile import Turnstile

MOST_HEADERS = 100
MOST_HEADER_BYTES = 32_768
_HOST = b"host"


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
        headers, named = scope["headers"], scope[HEADERS_KEY]
        # Joined to be counted: to add the lengths up takes three times as long.
        if len(headers) > MOST_HEADERS or len(b"".join(chain.from_iterable(headers))) > MOST_HEADER_BYTES:
            raise HeadersTooLarge(f"At most {MOST_HEADERS} headers of {MOST_HEADER_BYTES} bytes in all are read")
        # Of two with one name only the last can be found by it.
        twice = len(named) < len(headers) and [name for name, _ in headers].count(_HOST) > 1
        if twice or (_HOST not in named and scope["http_version"] == "1.1"):
            raise HostUnclear("A request has one header 'Host'")
        if scope["path"] in rules.exempt:
            return None
        if rules.hosts and not _is_ours(named.get(_HOST), rules.hosts):
            raise HostRefused("The service is not reached under this name")
        origin = named.get(b"origin")
        granted = None if origin is None else self._preflight(scope, origin)
        # Before anything is refused: a page that may read must also read that it has to wait, and for how long.
        record.headers += rules.origins.answer_headers(origin) if granted is None else granted
        turnstile = self._turnstile()
        if turnstile is not None:
            address = client_address(scope, rules.proxies)
            await turnstile.count_address(record, address, self._quota_of(address))
        return None if granted is None else Response(status_code=204)

    def _preflight(self, scope: Scope, origin: bytes) -> Headers | None:
        """What a preflight is granted; None for all other requests, and for a page or a request that is not let in."""
        named = scope[HEADERS_KEY]
        method = named.get(b"access-control-request-method")
        if method is None or scope["method"] != "OPTIONS":
            return None
        return self._rules.origins.preflight_headers(origin, method, named.get(b"access-control-request-headers", b""))

    def _measuring(self, address: str) -> str | None:
        """The quota of an address that the installation measures from, None for all others."""
        return LOAD_TEST if within(address, self._rules.load_test_networks) else None


def _is_ours(host: bytes | None, ours: frozenset[str]) -> bool:
    if host is None:
        return False
    name = host.decode("latin-1").lower()
    # Without its port; the brackets of an IPv6 address hold colons of their own.
    bare = name if name.endswith("]") else name.rpartition(":")[0] or name
    return name in ours or (bare in ours and name[len(bare) + 1 :].isdecimal()) or (bare == name and bare in ours)

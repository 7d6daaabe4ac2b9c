"""Which codes and problems a route has series of its own for.

Every combination starts at zero, so that one which cannot come, or hardly does, would be a series for nothing on each page.
"""

from __future__ import annotations

from service.errors import PROBLEM_CODES
from service.telemetry.labels import OTHER

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other")
CODES = (
    "200",
    "201",
    "204",
    "400",
    "401",
    "403",
    "404",
    "405",
    "408",
    "409",
    "413",
    "422",
    "429",
    "499",
    "500",
    "503",
    "504",
    "other",
)
UNMATCHED = "unmatched"
_ANSWERING = frozenset({"/v1/chat", "/v1/chat/completions"})
"""Routes with every code and problem of their own; of the others the rare ones are folded, or each new route would cost sixty series."""
_RARE_CODES = frozenset({"405", "408", "413", "499", "504", OTHER})
_UNMATCHED_CODES = ("404", "405")
_FOREIGN_CODES = {"GET": frozenset({"201", "204", "409"}), "DELETE": frozenset({"200", "201", "409"})}
"""Codes that no route answers to these methods."""
_PLAIN = ("/health", "/metrics", "/openapi.json", "/assets")
_PLAIN_CODES = ("200", "401", "403", "429", "500", "503")
_PLAIN_PROBLEMS = ("unauthenticated", "rate_limited", "internal")
"""Routes for probes, programs and browsers take no input that could be wrong."""
_USUAL_PROBLEMS = (
    "unauthenticated",
    "permission_required",
    "not_found",
    "invalid_request",
    "rate_limited",
    "storage_unavailable",
    "internal",
)


def codes_of(route: str, method: str) -> tuple[str, ...]:
    """The codes that a route has series of its own for, beside `other`."""
    if route == UNMATCHED:
        return _UNMATCHED_CODES
    if _is_plain(route):
        return _PLAIN_CODES
    rare = frozenset({OTHER}) if route in _ANSWERING else _RARE_CODES | _FOREIGN_CODES.get(method, frozenset())
    return tuple(code for code in CODES if code not in rare)


def problems_of(route: str) -> tuple[str, ...]:
    """The problem codes that a route has series of its own for; with any other it counts as unmatched."""
    if route in _ANSWERING or route == UNMATCHED:
        return PROBLEM_CODES
    return _PLAIN_PROBLEMS if _is_plain(route) else _USUAL_PROBLEMS


def _is_plain(route: str) -> bool:
    return route == "/" or route.startswith(_PLAIN)

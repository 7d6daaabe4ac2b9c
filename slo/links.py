"""Where the links in alerts lead: base addresses of runbooks and boards, which the spec may name for the whole deployment.

An alert carries its links into mail, chat and pagers, where a path of this repository opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_UNFIT = re.compile(r"[\s{}<>\"'\\`|]")
"""What Prometheus would run as a template, and what ends an address in mail or chat."""
_MEND = "write an address like https://git.example.com/shop/blob/main"


@dataclass(frozen=True, slots=True)
class Links:
    """Base addresses without a slash at their end; None leaves paths as they are.

    Attributes:
        runbooks: Where the project's root can be read: `docs/runbooks/<Alert>.md`, and the runbooks that SLOs name as paths, follow.
        dashboards: Grafana's root: `/d/<board>` follows.
    """

    runbooks: str | None = None
    dashboards: str | None = None

    def runbook(self, place: str) -> str:
        """The address of a runbook; one that is an address already stays."""
        return place if self.runbooks is None or "://" in place else f"{self.runbooks}/{place}"

    def board(self, path: str) -> str:
        """The address of a board, whose path begins with a slash."""
        return f"{self.dashboards or ''}{path}"


def links_of(runbooks: str | None, dashboards: str | None) -> Links:
    """Links of addresses in which `faults_of` found nothing."""
    return Links(*(None if base is None else base.rstrip("/") for base in (runbooks, dashboards)))


def faults_of(given: Mapping[str, str | None]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with base addresses: key (empty for the whole), message, mend."""
    if all(base is None for base in given.values()):
        yield "", f"names neither {' nor '.join(given)}", "name one, or take 'links' away"
    for key, base in given.items():
        fault = None if base is None else _fault(base)
        if fault is not None:
            yield key, *fault


def _fault(base: str) -> tuple[str, str] | None:
    if _UNFIT.search(base) or not base.isprintable() or not base.isascii():
        return "holds what no address holds, or what Prometheus would run", _MEND
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        return "is no address", _MEND
    if parts.scheme not in ("http", "https") or not host:
        return "is no address that a browser opens", _MEND
    if "@" in parts.netloc:
        return "holds a user or a password, which every alert would carry", "take away what stands before the @"
    if "?" in base or "#" in base:
        return "holds ? or #, and paths are put behind it", "end it before them"
    return None

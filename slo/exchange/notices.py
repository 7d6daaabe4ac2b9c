"""Names, labels, texts and runbooks of others, as far as our SLOs have a place for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slo import patterns
from slo.exchange.ledger import Ledger, Place
from slo.exchange.naming import PREFIX, one_line, slug
from slo.families import is_reserved
from slo.names import OWNER, alert_stem

LONGEST_TITLE = 200
_LABEL = re.compile(patterns.LABEL_NAME)
_VALUE = re.compile(patterns.MATCHED_VALUE)
_ADDRESS = re.compile(r"https?://[^\s{}]+")
_PATH = re.compile(r"(?!.*\.\.)[\w-][\w./-]*")
_RUNBOOK = re.compile(r"(?:^|[./])runbook(?:[-_]?(?:url|link))?$", re.IGNORECASE)
_BOARD = re.compile(r"(?:^|[./])dashboards?(?:[-_]?(?:url|link))?$", re.IGNORECASE)
_WORDS = re.compile(r"(?:^|[./])(?:summary|title|description|message)$", re.IGNORECASE)


def title_of(texts: tuple[str | None, ...], fallback: str, place: Place, ledger: Ledger) -> str:
    """The first text that says something, on one line."""
    text = next((text for text in texts if text and one_line(text)), fallback)
    line = one_line(text)
    if "{{" in text or "}}" in text:
        ledger.approximated(place, "a template in the title is text: single braces", "write out what it stands for")
    if len(line) > LONGEST_TITLE:
        ledger.approximated(place, f"is cut to {LONGEST_TITLE} characters as title", "shorten it")
        return line[: LONGEST_TITLE - 1].rstrip() + "…"
    return line


def renamed(name: str, taken: set[str], place: Place, ledger: Ledger) -> str:
    """A name that our specs take, unlike all that are taken; what was changed is told."""
    made = slug(name, taken)
    taken |= {made, alert_stem(made)}
    if made != name:
        said = f"{one_line(name)[:80]!r} is called {made}"
        ledger.approximated(place, said, "recorded series and alerts carry this name")
    return made


def tags_of(
    labels: Mapping[str, str | list[str]] | None, place: Place, ledger: Ledger
) -> tuple[dict[str, str], str | None]:
    """Labels for our alerts, and the owner among them."""
    tags: dict[str, str] = {}
    owner: str | None = None
    for name, given in (labels or {}).items():
        here = place / name
        value = given if isinstance(given, str) else ",".join(given)
        if isinstance(given, list) and len(given) > 1:
            ledger.approximated(here, f"its values are joined: {value}", "Prometheus' labels have one value")
        if name == OWNER:
            owner = slug(value, fallback="owner")
            if owner != value:
                ledger.approximated(here, f"owner {value!r} is called {owner}", "rename it if teams are matched by it")
            continue
        label = re.sub(r"[^a-zA-Z0-9_]", "_", name)
        label = label if _LABEL.fullmatch(label) else f"_{label}"
        if is_reserved(label) or label in tags:
            ledger.lost(here, f"our own rules set the label {label}", "give it another name, and route by that")
        elif not _VALUE.fullmatch(value) or len(value) > 256 or len(label) > 128 or "{{" in value or "}}" in value:
            ledger.lost(
                here, "no label of an alert can have this value", "write it short, without quotes, backslashes, {{"
            )
        else:
            if label != name:
                ledger.approximated(here, f"is called {label}", "Prometheus' labels have letters, digits and _ only")
            tags[label] = value
    return tags, owner


def runbook_of(annotations: Mapping[str, str] | None, place: Place, ledger: Ledger, *, what: str) -> str | None:
    """The runbook among annotations, an address or a path; the others are lost, but for ours."""
    runbook: str | None = None
    for name, value in (annotations or {}).items():
        if name.startswith(PREFIX):
            continue
        if not _RUNBOOK.search(name):
            ledger.lost(place / name, *_without_place(name, what))
            continue
        given = value.strip()
        if len(given) > 1000 or not (_ADDRESS.fullmatch(given) or _PATH.fullmatch(given)):
            ledger.lost(place / name, "is neither an address nor a path", "give the SLO a runbook like https://…")
        elif runbook not in (None, given):
            ledger.lost(place / name, "is a second runbook", "keep one of them, and link the other from it")
        else:
            runbook = given
    return runbook


def _without_place(name: str, what: str) -> tuple[str, str]:
    """Why an annotation is lost, and what stands in for it."""
    if _BOARD.search(name):
        return "our alerts lead to the board of their service", "name Grafana's address: links: {dashboards: https://…}"
    if _WORDS.search(name):
        return f"{what} say it in words of their own", "keep it in the runbook"
    return f"{what} have no such annotation", "keep it in the runbook, or as a label"


def without_place(
    labels: Mapping[str, Any] | None, annotations: Mapping[str, str] | None, place: Place, ledger: Ledger, *, what: str
) -> None:
    """Labels and annotations of what is no thing of its own in our specs, each lost, but for our own."""
    for label in labels or {}:
        ledger.lost(place / "labels" / label, f"{what} have no labels of their own here", "put it on the SLO")
    runbook = runbook_of(annotations, place / "annotations", ledger, what=what)
    if runbook is not None:
        ledger.lost(place / "annotations", f"{what} have no runbook of their own here", "give it to the SLO")


def remarks_of(*texts: str | None) -> tuple[str, ...]:
    """Texts for people, line by line, as comments can hold them."""
    lines = (line for text in texts if text for line in text.splitlines())
    return tuple(
        re.sub(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]", " ", line).rstrip()
        for line in lines
    )


def entry_of(title: str, objective: str, window: str, tags: Mapping[str, str], runbook: str | None) -> dict[str, Any]:
    """What every SLO has, in the order in which people write it."""
    return {
        "title": title,
        "objective": objective,
        "window": window,
        **({"labels": dict(tags)} if tags else {}),
        **({"runbook": runbook} if runbook else {}),
    }
